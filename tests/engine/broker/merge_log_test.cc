#include "engine/broker/merge_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "tests/engine/broker/shard_parts.h"

namespace tandem::broker {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;
using Kind = MergeConflict::Kind;

constexpr Hlc At(WallMs ms) { return static_cast<Hlc>(ms) << 16; }

class MergeLogTest : public ::testing::Test {
 protected:
  void Meet(Incarnation partner = Incarnation{7}) { log_.Met(2, partner, 2'000, 3); }
  MergeReport Ended() {
    log_.End(true);
    return log_.Take().value();
  }
  Session session_;
  MergeLog log_;
};

TEST_F(MergeLogTest, NotesNothingWhileTheNodesDoNotMeet) {
  log_.Note(MergeCount::kMessagesUnited);
  log_.End(true);
  EXPECT_FALSE(log_.Take());
}

TEST_F(MergeLogTest, TellsOnceWhatItHasNoted) {
  log_.Parted({.mono_ns = 5, .wall_ms = 1'000}, At(1'000));
  Meet();
  log_.Note(MergeCount::kMessagesUnited, 4);
  const MergeReport report = Ended();
  EXPECT_EQ(report.epoch, 2u);
  EXPECT_EQ(report.parted_at, 1'000);
  EXPECT_EQ(report.met_at, 2'000);
  EXPECT_TRUE(report.whole);
  EXPECT_EQ(report[MergeCount::kAcceptedHere], 3u);
  EXPECT_EQ(report[MergeCount::kMessagesUnited], 4u);
  EXPECT_FALSE(log_.Take());
}

TEST_F(MergeLogTest, IsNotWholeIfTheNodesPartAgainMeanwhile) {
  Meet();
  log_.Parted({}, 0);
  EXPECT_FALSE(log_.Take().value().whole);
}

TEST_F(MergeLogTest, KnowsThePartnerThatLivedOn) {
  Meet(Incarnation{7});
  EXPECT_FALSE(Ended().partner_lived);
  Meet(Incarnation{7});
  EXPECT_TRUE(Ended().partner_lived);
  Meet(Incarnation{8});
  EXPECT_FALSE(Ended().partner_lived);
}

TEST_F(MergeLogTest, ASessionIsAConflictOnlyIfItsClientWasOnBothSides) {
  session_.client_id = "c";
  session_.parted = {.connected_at = At(100), .connected_here = true};
  session_.connected_at = At(100);
  Meet();
  log_.NoteSession(session_, {.connected_at = At(100) - 1, .has_will = false}, true);
  EXPECT_EQ(Ended()[MergeCount::kSessionsWonHere], 0u);
  Meet();
  log_.NoteSession(session_, {.connected_at = At(300), .has_will = false}, false);
  const MergeReport report = Ended();
  EXPECT_EQ(report[MergeCount::kSessionsOfBoth], 1u);
  EXPECT_EQ(report[MergeCount::kSessionsWonThere], 1u);
  ASSERT_THAT(report.conflicts, SizeIs(1));
  EXPECT_EQ(report.conflicts[0].kind, Kind::kSession);
  EXPECT_EQ(report.conflicts[0].key, "c");
  EXPECT_FALSE(report.conflicts[0].won_here);
  EXPECT_EQ(report.conflicts[0].here_at, 100);
  EXPECT_EQ(report.conflicts[0].there_at, 300);
}

TEST_F(MergeLogTest, AWillIsDoneIfEitherSideIsDoneWithIt) {
  session_.parted = {.connected_at = At(100), .connected_here = true};
  session_.connected_at = At(100);
  session_.will = std::make_unique<Will>();
  Meet();
  log_.NoteSession(session_, {.connected_at = At(100) - 1, .has_will = true}, true);
  log_.NoteSession(session_, {.connected_at = At(100) - 1, .has_will = false}, true);
  const MergeReport report = Ended();
  EXPECT_EQ(report[MergeCount::kWillsDone], 1u);
  ASSERT_THAT(report.conflicts, SizeIs(1));
  EXPECT_EQ(report.conflicts[0].kind, Kind::kWill);
  EXPECT_FALSE(report.conflicts[0].won_here);
}

TEST_F(MergeLogTest, ARetainedValueIsAConflictOnlyIfBothSidesWroteIt) {
  const MessagePtr old = MessageOn("r", "old", At(500), {.number = 1});
  const MessagePtr here = MessageOn("r", "here", At(1'100), {.number = 2});
  const MessagePtr there = MessageOn("r", "there", At(1'200), {.number = 3});
  log_.Parted({.mono_ns = 50, .wall_ms = 1'000}, At(1'000));
  Meet();
  log_.NoteRetained(here.get(), 60, *here, true);   // the same
  log_.NoteRetained(here.get(), 60, *old, true);    // what was there before
  log_.NoteRetained(old.get(), 40, *there, false);  // written there only
  log_.NoteRetained(nullptr, 0, *there, false);
  log_.NoteRetained(here.get(), 60, *there, false);
  const MergeReport report = Ended();
  EXPECT_EQ(report[MergeCount::kRetainedTaken], 2u);
  EXPECT_EQ(report[MergeCount::kRetainedWonHere], 0u);
  EXPECT_EQ(report[MergeCount::kRetainedWonThere], 1u);
  ASSERT_THAT(report.conflicts, SizeIs(1));
  EXPECT_EQ(report.conflicts[0].key, "r");
  EXPECT_EQ(report.conflicts[0].there_at, 1'200);
}

}  // namespace
}  // namespace tandem::broker
