// A stream's two ends: numbers, batches, window, what is resent after a lane broke, what is
// skipped, what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <random>

#include "cluster/stream_receiver.h"
#include "cluster/stream_sender.h"
#include "engine/base/strings.h"

namespace tandem::cluster {
namespace {

broker::PeerRecord Record(std::size_t bytes = 10) {
  return broker::InterestRecord{.filter = std::string(bytes, 'f')};
}
std::size_t BytesOf(std::size_t bytes) { return broker::BacklogBytes(Record(bytes)); }

TEST(StreamSender, CutsBatchesByCountAndBytes) {
  StreamSender sender(
      {.batch_records = 3, .batch_bytes = 2 * BytesOf(100), .window_bytes = 1'000'000});
  for (std::uint64_t n = 1; n <= 4; ++n) sender.Append(n, Record(1));
  for (std::uint64_t n = 5; n <= 7; ++n) sender.Append(n, Record(100));
  sender.Append(8, Record(5000));
  EXPECT_FALSE(sender.NextBatch()) << "no lane is open";
  ASSERT_TRUE(sender.Resume(0).ok());
  const auto first = sender.NextBatch();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->first, 1u);
  EXPECT_EQ(first->count, 3u);
  const auto second = sender.NextBatch();
  EXPECT_EQ(second->count, 2u) << "the bytes of 4, 5 and 6 are too many";
  EXPECT_EQ(sender.NextBatch()->first, 6u);
  EXPECT_EQ(sender.NextBatch()->count, 1u) << "a large record makes a batch of its own";
  EXPECT_FALSE(sender.NextBatch());
  EXPECT_EQ(sender.sent(), 8u);
}

TEST(StreamSender, StopsAtTheWindowAndGoesOnWhenItOpens) {
  StreamSender sender(
      {.batch_records = 1, .batch_bytes = 1'000'000, .window_bytes = 2 * BytesOf(10)});
  for (std::uint64_t n = 1; n <= 5; ++n) sender.Append(n, Record(10));
  ASSERT_TRUE(sender.Resume(0).ok());
  ASSERT_TRUE(sender.NextBatch());
  ASSERT_TRUE(sender.NextBatch());
  EXPECT_FALSE(sender.HasBatch());
  EXPECT_FALSE(sender.NextBatch());
  ASSERT_TRUE(sender.OnReceived(0).ok());
  EXPECT_FALSE(sender.HasBatch()) << "no news";
  ASSERT_TRUE(sender.OnReceived(1).ok());
  EXPECT_EQ(sender.NextBatch()->first, 3u);
  EXPECT_FALSE(sender.HasBatch());
  ASSERT_TRUE(sender.OnReceived(3).ok());
  EXPECT_FALSE(sender.awaits_receipt());
  EXPECT_EQ(sender.in_flight_bytes(), 0u);
}

TEST(StreamSender, RefusesAReceiptOfWhatWasNotSent) {
  StreamSender sender;
  sender.Append(1, Record());
  EXPECT_TRUE(absl::IsDataLoss(sender.OnReceived(1)));
  ASSERT_TRUE(sender.Resume(0).ok());
  ASSERT_TRUE(sender.NextBatch());
  EXPECT_TRUE(sender.OnReceived(1).ok());
  EXPECT_TRUE(absl::IsDataLoss(sender.OnReceived(2)));
}

TEST(StreamSender, ResendsWhatTheOtherSideHasNotReceived) {
  StreamSender sender;
  for (std::uint64_t n = 1; n <= 10; ++n) sender.Append(n, Record());
  ASSERT_TRUE(sender.Resume(0).ok());
  ASSERT_TRUE(sender.NextBatch());
  ASSERT_TRUE(*sender.OnApplied(4));
  EXPECT_EQ(sender.backlog_records(), 6u);
  sender.Suspend();
  EXPECT_FALSE(sender.NextBatch());
  ASSERT_TRUE(sender.Resume(7).ok());
  const auto batch = sender.NextBatch();
  EXPECT_EQ(batch->first, 8u);
  EXPECT_EQ(batch->count, 3u);
  EXPECT_EQ(sender.resent(), 3u);
  EXPECT_EQ(sender.in_flight_bytes(), batch->bytes);
}

TEST(StreamSender, RefusesAnImpossibleResume) {
  StreamSender sender;
  for (std::uint64_t n = 1; n <= 3; ++n) sender.Append(n, Record());
  EXPECT_TRUE(absl::IsDataLoss(sender.Resume(1))) << "never sent";
  ASSERT_TRUE(sender.Resume(0).ok());
  ASSERT_TRUE(sender.NextBatch());
  ASSERT_TRUE(*sender.OnApplied(2));
  sender.Suspend();
  EXPECT_TRUE(absl::IsDataLoss(sender.Resume(1))) << "2 are applied, so they were received";
  EXPECT_TRUE(absl::IsDataLoss(sender.Resume(4)));
}

TEST(StreamSender, RefusesAnAcknowledgementOfWhatWasNotSent) {
  StreamSender sender;
  sender.Append(1, Record());
  EXPECT_TRUE(absl::IsDataLoss(sender.OnApplied(1).status()));
  ASSERT_TRUE(sender.Resume(0).ok());
  ASSERT_TRUE(sender.NextBatch());
  EXPECT_TRUE(*sender.OnApplied(1));
  EXPECT_FALSE(*sender.OnApplied(1)) << "no news";
  EXPECT_FALSE(*sender.OnApplied(0));
  EXPECT_EQ(sender.backlog_bytes(), 0u);
}

TEST(StreamSender, KnowsTheAgeOfTheOldestRecordThatIsNotApplied) {
  StreamSender sender;
  EXPECT_EQ(sender.OldestAge(1000), 0);
  sender.Append(1, Record());
  EXPECT_EQ(sender.OldestAge(1000), 0) << "in this turn";
  sender.MarkTime(100);
  sender.MarkTime(200);
  sender.Append(2, Record());
  sender.MarkTime(400);
  ASSERT_TRUE(sender.Resume(0).ok());
  ASSERT_TRUE(sender.NextBatch());
  EXPECT_EQ(sender.OldestAge(1000), 900);
  ASSERT_TRUE(sender.OnApplied(1).ok());
  EXPECT_EQ(sender.OldestAge(1000), 600);
  sender.Forgive(250);
  EXPECT_EQ(sender.OldestAge(1000), 350);
  ASSERT_TRUE(sender.OnApplied(2).ok());
  EXPECT_EQ(sender.OldestAge(1000), 0);
}

TEST(StreamReceiver, SkipsWhatItHasAndRefusesAGap) {
  StreamReceiver receiver;
  EXPECT_EQ(*receiver.Accept(1, 3), 0u);
  for (int i = 0; i < 3; ++i) receiver.Delivered();
  EXPECT_EQ(*receiver.Accept(2, 4), 2u);
  EXPECT_EQ(*receiver.Accept(1, 2), 2u);
  EXPECT_TRUE(absl::IsDataLoss(receiver.Accept(5, 1).status()));
  EXPECT_TRUE(absl::IsDataLoss(receiver.Accept(0, 1).status()));
}

TEST(StreamReceiver, ReportsWhatIsAppliedOnceAndAgainOnANewLane) {
  StreamReceiver receiver;
  for (int i = 0; i < 5; ++i) receiver.Delivered();
  receiver.Applied(3);
  EXPECT_FALSE(receiver.TakeAck()) << "no lane is open";
  receiver.Resume();
  EXPECT_EQ(receiver.TakeAck(), 3u);
  EXPECT_FALSE(receiver.TakeAck());
  receiver.Applied(2);  // cumulative: nothing new
  EXPECT_FALSE(receiver.HasAck());
  receiver.Applied(5);
  receiver.Suspend();
  EXPECT_FALSE(receiver.TakeAck());
  receiver.Resume();
  EXPECT_EQ(receiver.TakeAck(), 5u);
}

// Both ends over a lane that loses everything under way when it breaks, at random moments.
class StreamOverBreakingLanes : public ::testing::TestWithParam<unsigned> {};

TEST_P(StreamOverBreakingLanes, DeliversEachRecordOnceAndInOrder) {
  std::mt19937_64 random(GetParam());
  const auto chance = [&](unsigned percent) { return random() % 100 < percent; };
  StreamSender sender({.batch_records = 7, .batch_bytes = 500, .window_bytes = 1500});
  StreamReceiver receiver;
  struct Batch {
    std::uint64_t first;
    std::vector<std::string> filters;
  };
  std::deque<Batch> forth;
  std::deque<std::uint64_t> receipts;
  std::deque<std::uint64_t> acks;
  std::uint64_t appended = 0;
  std::vector<std::string> delivered;
  constexpr std::uint64_t kRecords = 400;
  for (int step = 0; sender.applied() < kRecords; ++step) {
    ASSERT_LT(step, 200'000) << "seed " << GetParam();
    if (appended < kRecords && chance(30)) {
      ++appended;
      sender.Append(appended, broker::InterestRecord{.filter = std::to_string(appended)});
    }
    if (chance(2)) {  // the lane breaks
      sender.Suspend();
      receiver.Suspend();
      forth.clear();
      receipts.clear();
      acks.clear();
    }
    if (!sender.open() && chance(20)) {
      receiver.Resume();
      ASSERT_TRUE(sender.Resume(receiver.received()).ok());
    }
    if (chance(40)) {
      if (const auto batch = sender.NextBatch()) {
        Batch out{batch->first, {}};
        for (std::size_t i = 0; i < batch->count; ++i) {
          out.filters.push_back(
              std::get<broker::InterestRecord>(sender.record(batch->first + i)).filter);
        }
        forth.push_back(out);
      }
    }
    if (!forth.empty() && chance(40)) {
      const Batch batch = forth.front();
      forth.pop_front();
      const auto known = receiver.Accept(batch.first, batch.filters.size());
      ASSERT_TRUE(known.ok()) << known.status();
      for (std::size_t i = *known; i < batch.filters.size(); ++i) {
        ASSERT_EQ(receiver.Delivered(), batch.first + i);
        delivered.push_back(batch.filters[i]);
      }
      receipts.push_back(receiver.received());
    }
    if (!receipts.empty() && chance(50)) {
      ASSERT_TRUE(sender.OnReceived(receipts.front()).ok());
      receipts.pop_front();
    }
    if (chance(30))
      receiver.Applied(receiver.received() -
                       std::min<std::uint64_t>(receiver.received(), random() % 3));
    if (chance(30)) {
      if (const auto ack = receiver.TakeAck()) acks.push_back(*ack);
    }
    if (!acks.empty() && chance(50)) {
      ASSERT_TRUE(sender.OnApplied(acks.front()).ok());
      acks.pop_front();
    }
    if (appended == kRecords) receiver.Applied(receiver.received());
  }
  ASSERT_EQ(delivered.size(), kRecords);
  for (std::uint64_t i = 0; i < kRecords; ++i) ASSERT_EQ(delivered[i], std::to_string(i + 1));
}

INSTANTIATE_TEST_SUITE_P(Seeds, StreamOverBreakingLanes, ::testing::Range(1u, 31u));

}  // namespace
}  // namespace tandem::cluster
