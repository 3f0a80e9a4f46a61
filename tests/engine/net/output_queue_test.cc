#include "engine/net/output_queue.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace tandem::net {
namespace {

Bytes AsBytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

broker::MessagePtr Payload(std::string_view text) {
  return broker::Message::Create({.topic = "t", .payload = AsBytes(text)});
}

std::string Joined(std::span<const reactor::Fragment> fragments) {
  std::string text;
  for (const reactor::Fragment& fragment : fragments) {
    text.append(reinterpret_cast<const char*>(fragment.data), fragment.size);
  }
  return text;
}

class OutputQueueTest : public ::testing::Test {
 protected:
  void Append(std::string_view text) { queue_.Append(AsBytes(text), pool_); }
  std::span<const reactor::Fragment> Next() { return queue_.Next(fragments_); }

  BufferPool pool_;
  OutputQueue::Fragments fragments_;
  OutputQueue queue_;
};

TEST_F(OutputQueueTest, JoinsWhatIsAppendedIntoOneFragment) {
  EXPECT_TRUE(queue_.empty());
  EXPECT_TRUE(Next().empty());
  Append("ab");
  Append("cd");
  EXPECT_EQ(queue_.bytes(), 4u);
  const auto fragments = Next();
  EXPECT_EQ(fragments.size(), 1u);
  EXPECT_EQ(Joined(fragments), "abcd");
  EXPECT_TRUE(queue_.in_flight());
  EXPECT_EQ(queue_.Sent(pool_), 4u);
  EXPECT_TRUE(queue_.empty());
  EXPECT_EQ(queue_.bytes(), 0u);
}

TEST_F(OutputQueueTest, PutsPayloadsWhereTheyBelongWithoutCopying) {
  const broker::MessagePtr payload = Payload("PAYLOAD");
  Append("head");
  queue_.AppendPayload(payload);
  Append("tail");
  const auto fragments = Next();
  ASSERT_EQ(fragments.size(), 3u);
  EXPECT_EQ(fragments[1].data, payload->payload().data());
  EXPECT_EQ(Joined(fragments), "headPAYLOADtail");
}

TEST_F(OutputQueueTest, AnEmptyPayloadIsNoFragment) {
  queue_.AppendPayload(Payload(""));
  EXPECT_TRUE(queue_.empty());
}

TEST_F(OutputQueueTest, BytesCanBePatchedWhereTheyWereCopied) {
  Append("xx");
  std::uint8_t* const place = queue_.Append(AsBytes("??"), pool_);
  place[1] = '!';
  EXPECT_EQ(Joined(Next()), "xx?!");
}

TEST_F(OutputQueueTest, FillsASecondBatchWhileTheFirstIsInFlight) {
  Append("first");
  const auto in_flight = Next();
  const std::uint8_t* const memory = in_flight[0].data;
  for (int i = 0; i < 1000; ++i) Append("second batch, long enough to need other memory ");
  EXPECT_TRUE(Next().empty());  // one send at a time
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(memory), 5), "first");
  EXPECT_EQ(queue_.Sent(pool_), 5u);
  EXPECT_EQ(Joined(Next()).size(),
            1000 * std::string_view("second batch, long enough to need other memory ").size());
}

TEST_F(OutputQueueTest, SendsMoreThanOneSendTakesInSeveralInOrder) {
  std::string expected;
  for (int i = 0; i < 100; ++i) {
    const std::string number = std::to_string(i);
    Append(number);
    queue_.AppendPayload(Payload("<" + number + ">"));
    expected += number + "<" + number + ">";
  }
  std::string sent;
  std::size_t reported = 0;
  int sends = 0;
  for (auto fragments = Next(); !fragments.empty(); fragments = Next()) {
    ASSERT_LE(fragments.size(), reactor::kFragmentsMax);
    sent += Joined(fragments);
    reported += queue_.Sent(pool_);
    ++sends;
  }
  EXPECT_EQ(sent, expected);
  EXPECT_EQ(reported, expected.size());
  EXPECT_EQ(sends, 4);  // 200 fragments, 64 at a time
  EXPECT_TRUE(queue_.empty());
}

TEST_F(OutputQueueTest, GivesItsMemoryBackWhenAllIsSent) {
  Append("x");
  const std::uint8_t* const memory = Next()[0].data;
  queue_.Sent(pool_);
  EXPECT_EQ(pool_.Take().data(), memory);
}

TEST_F(OutputQueueTest, HoldsAPayloadUntilItIsSent) {
  const broker::MessagePtr payload = Payload("PAYLOAD");
  broker::MessagePtr lent = payload;
  queue_.AppendPayload(std::move(lent));
  const auto fragments = Next();
  EXPECT_EQ(Joined(fragments), "PAYLOAD");
  queue_.Sent(pool_);
  EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(payload->payload().data()), 7),
            "PAYLOAD");
}

}  // namespace
}  // namespace tandem::net
