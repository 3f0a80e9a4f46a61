#include "engine/broker/outbox.h"

#include <gtest/gtest.h>

namespace tandem::broker {
namespace {

TEST(Outbox, IsEmptyUntilThereIsSomethingToDo) {
  Outbox out;
  EXPECT_TRUE(out.empty());
  out.bytes.Append(AsBytes("scratch"));
  EXPECT_TRUE(out.empty()) << "bytes alone are nobody's";
  out.connections.push_back({.kind = ConnectionEffect::Kind::kClose});
  EXPECT_FALSE(out.empty());
  Outbox other;
  other.acknowledgements.push_back({.number = 1});
  EXPECT_FALSE(other.empty());
}

TEST(Outbox, ForgetsEverythingAndSaysThatOffsetsAreStale) {
  Outbox out;
  out.bytes.Append(AsBytes("x"));
  out.sends.push_back({});
  out.connections.push_back({});
  out.held.push_back(Message::Create({.topic = "t"}));
  out.cores.push_back({CoreId{1}, CoreInterestApplied{1}});
  out.records.push_back({1, SnapshotEndRecord{}});
  out.acknowledgements.push_back({});
  out.access.push_back({});
  const std::uint64_t generation = out.generation;
  out.Clear();
  EXPECT_TRUE(out.empty());
  EXPECT_TRUE(out.bytes.empty() && out.sends.empty() && out.held.empty());
  EXPECT_NE(out.generation, generation);
}

}  // namespace
}  // namespace tandem::broker
