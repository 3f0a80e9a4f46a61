// Framing, the slabs that are received into, and the queue that is sent from.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "cluster/blob.h"
#include "cluster/framing.h"
#include "cluster/receive_buffer.h"
#include "cluster/send_queue.h"

namespace tandem::cluster {
namespace {

using FrameBytesVector = std::vector<std::uint8_t>;

FrameBytesVector Frame(std::vector<std::uint32_t> segment_words, std::uint8_t fill = 1) {
  std::vector<std::uint32_t> table{static_cast<std::uint32_t>(segment_words.size() - 1)};
  table.insert(table.end(), segment_words.begin(), segment_words.end());
  if (table.size() % 2 != 0) table.push_back(0);
  FrameBytesVector frame(table.size() * 4);
  std::memcpy(frame.data(), table.data(), frame.size());
  std::size_t words = 0;
  for (const std::uint32_t each : segment_words) words += each;
  frame.resize(frame.size() + words * 8, fill);
  return frame;
}

TEST(Framing, AsksForTheTableFirstAndThenForAll) {
  const FrameBytesVector frame = Frame({1, 2, 3});
  const FrameLimits limits{.bytes_max = 1024};
  EXPECT_EQ(*FrameBytes(Bytes(frame).first(0), limits), 8u);
  EXPECT_EQ(*FrameBytes(Bytes(frame).first(7), limits), 8u);
  EXPECT_EQ(*FrameBytes(Bytes(frame).first(8), limits), 16u);
  EXPECT_EQ(*FrameBytes(Bytes(frame).first(16), limits), frame.size());
  EXPECT_EQ(*FrameBytes(frame, limits), frame.size());
}

TEST(Framing, RefusesTooManySegmentsAndTooManyBytes) {
  EXPECT_TRUE(FrameBytes(Frame(std::vector<std::uint32_t>(510, 0)), kLaneFrame).ok());
  EXPECT_FALSE(FrameBytes(Frame(std::vector<std::uint32_t>(511, 0)), kLaneFrame).ok());
  EXPECT_FALSE(FrameBytes(Frame({1, 1}), kHandshakeFrame).ok());
  const FrameLimits limits{.bytes_max = 64};
  EXPECT_TRUE(FrameBytes(Frame({7}), limits).ok());
  EXPECT_FALSE(FrameBytes(Frame({8}), limits).ok());
  // Sizes that would wrap around in 32 bits.
  const std::uint32_t table[4] = {2, 0xffffffff, 0xffffffff, 3};
  EXPECT_FALSE(
      FrameBytes({reinterpret_cast<const std::uint8_t*>(table), sizeof table}, kLaneFrame).ok());
  EXPECT_FALSE(FrameBytes(AsBytes("GET / HTTP/1.1\r\n"), kHandshakeFrame).ok());
}

// Feeds `stream` in pieces of random size and collects the frames.
std::vector<FrameBytesVector> Feed(ReceiveBuffer& buffer, const FrameBytesVector& stream,
                                   std::mt19937& random, bool exact,
                                   std::vector<ReceiveBuffer::Frame>* keep = nullptr) {
  std::vector<FrameBytesVector> frames;
  for (std::size_t at = 0; at < stream.size();) {
    const MutableBytes space = buffer.Space(exact);
    EXPECT_FALSE(space.empty());
    const std::size_t size =
        std::min({space.size(), stream.size() - at, std::size_t{1} + random() % 100'000});
    std::memcpy(space.data(), stream.data() + at, size);
    buffer.Filled(size);
    at += size;
    for (;;) {
      auto frame = buffer.Next();
      EXPECT_TRUE(frame.ok()) << frame.status();
      if (!*frame) break;
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>((*frame)->bytes.data()) % 8, 0u);
      frames.emplace_back((*frame)->bytes.begin(), (*frame)->bytes.end());
      if (keep != nullptr) keep->push_back(**frame);
    }
  }
  return frames;
}

class ReceiveBufferOfSeeds : public ::testing::TestWithParam<unsigned> {};

TEST_P(ReceiveBufferOfSeeds, YieldsTheFramesThatWereSent) {
  std::mt19937 random(GetParam());
  std::vector<FrameBytesVector> sent;
  FrameBytesVector stream;
  for (int i = 0; i < 300; ++i) {
    const std::uint32_t words = i % 50 == 49 ? 100'000 : random() % (i % 7 == 0 ? 5000 : 50);
    sent.push_back(
        Frame({words, static_cast<std::uint32_t>(random() % 3)}, static_cast<std::uint8_t>(i)));
    stream.insert(stream.end(), sent.back().begin(), sent.back().end());
  }
  ReceiveBuffer buffer(kLaneFrame);
  std::vector<ReceiveBuffer::Frame> kept;
  EXPECT_EQ(
      Feed(buffer, stream, random, GetParam() % 2 == 0, GetParam() % 3 == 0 ? &kept : nullptr),
      sent);
  EXPECT_FALSE(buffer.partial());
  // Frames that are kept stay as they were, whatever was received after them.
  for (std::size_t i = 0; i < kept.size(); ++i)
    EXPECT_TRUE(std::equal(sent[i].begin(), sent[i].end(), kept[i].bytes.begin()));
}

INSTANTIATE_TEST_SUITE_P(Seeds, ReceiveBufferOfSeeds, ::testing::Range(1u, 13u));

TEST(ReceiveBuffer, ExactSpaceNeverReachesBehindTheFrame) {
  const FrameBytesVector frame = Frame({3});
  ReceiveBuffer buffer(kHandshakeFrame);
  MutableBytes space = buffer.Space(true);
  ASSERT_EQ(space.size(), 8u);
  std::memcpy(space.data(), frame.data(), 8);
  buffer.Filled(8);
  ASSERT_FALSE(*buffer.Next());
  space = buffer.Space(true);
  EXPECT_EQ(space.size(), 24u);
}

TEST(ReceiveBuffer, MovesOnlyWhatAFullSlabLeavesBehind) {
  std::mt19937 random(1);
  FrameBytesVector stream;
  for (int i = 0; i < 2000; ++i) {
    const FrameBytesVector frame = Frame({100});
    stream.insert(stream.end(), frame.begin(), frame.end());
  }
  ReceiveBuffer buffer(kLaneFrame);
  Feed(buffer, stream, random, false);
  EXPECT_LT(buffer.bytes_moved(), stream.size() / 50);
}

std::string Text(std::span<const reactor::Fragment> fragments) {
  std::string text;
  for (const reactor::Fragment& fragment : fragments)
    text.append(reinterpret_cast<const char*>(fragment.data), fragment.size);
  return text;
}

struct TextParcel final : SendQueue::Parcel {
  TextParcel(std::vector<std::string> parts, int* destroyed)
      : texts(std::move(parts)), count(destroyed) {
    for (const std::string& text : texts)
      fragments.push_back({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  }
  ~TextParcel() override {
    if (count != nullptr) ++*count;
  }
  std::vector<std::string> texts;
  int* count;
};

TEST(SendQueue, KeepsTheOrderOfCopiesAndParcels) {
  SendQueue queue;
  queue.Copy(AsBytes("a"));
  queue.Copy(AsBytes("b"));
  queue.Push(std::make_unique<TextParcel>(std::vector<std::string>{"c", "d"}, nullptr));
  queue.Copy(AsBytes("e"));
  const auto fragments = queue.Next();
  EXPECT_EQ(fragments.size(), 4u) << "neighbouring copies share a fragment";
  EXPECT_EQ(Text(fragments), "abcde");
  EXPECT_TRUE(queue.Next().empty()) << "one send at a time";
  queue.Sent();
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.bytes(), 0u);
}

TEST(SendQueue, WhatIsAddedWhileSendingGoesNext) {
  SendQueue queue;
  queue.Copy(AsBytes("one"));
  EXPECT_EQ(Text(queue.Next()), "one");
  queue.Copy(AsBytes("two"));
  queue.Sent();
  EXPECT_EQ(Text(queue.Next()), "two");
  queue.Sent();
  EXPECT_TRUE(queue.Next().empty());
}

TEST(SendQueue, KeepsMemoryUntilTheTransportIsDone) {
  SendQueue queue;
  int destroyed = 0;
  queue.Push(std::make_unique<TextParcel>(
      std::vector<std::string>{std::string(SendQueue::kSendBytesMax + 5, 'x')}, &destroyed));
  EXPECT_EQ(Text(queue.Next()).size(), SendQueue::kSendBytesMax);
  queue.Sent();
  EXPECT_EQ(destroyed, 0);
  EXPECT_EQ(Text(queue.Next()).size(), 5u);
  EXPECT_EQ(destroyed, 0);
  queue.Sent();
  EXPECT_EQ(destroyed, 1);
}

TEST(SendQueue, NeverOffersMoreFragmentsThanATransportTakes) {
  SendQueue queue;
  std::string all;
  for (int i = 0; i < 40; ++i) {
    queue.Push(std::make_unique<TextParcel>(std::vector<std::string>{std::to_string(i), ",", ";"},
                                            nullptr));
    all += std::to_string(i) + ",;";
  }
  std::string sent;
  while (!queue.empty()) {
    const auto fragments = queue.Next();
    ASSERT_LE(fragments.size(), reactor::kFragmentsMax);
    sent += Text(fragments);
    queue.Sent();
  }
  EXPECT_EQ(sent, all);
}

}  // namespace
}  // namespace tandem::cluster
