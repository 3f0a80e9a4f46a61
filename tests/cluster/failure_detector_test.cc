#include "cluster/failure_detector.h"

#include <gtest/gtest.h>

namespace tandem::cluster {
namespace {

constexpr MonoNs kMs = kNanosecondsPerMillisecond;
using Judgement = FailureDetector::Judgement;

// One node's detector with beats answered at once, or not.
class Detector : public ::testing::Test {
 protected:
  explicit Detector(std::size_t paths = 1) : detector({.paths = paths}) {
    for (std::size_t path = 0; path < paths; ++path) detector.OnPathUp(path, now);
    detector.Start(now);
  }
  // Time passes in steps of `step`; beats on the first path are echoed if `answered`.
  Judgement Pass(MonoNs time, bool answered, MonoNs step = 10 * kMs) {
    Judgement judgement = Judgement::kSeen;
    for (const MonoNs end = now + time; now < end;) {
      now += step;
      if (const auto beat = detector.NextBeat(0, now); beat && answered)
        detector.OnEcho(0, beat->number, now);
      judgement = detector.Check(now);
    }
    return judgement;
  }

  MonoNs now = 1000 * kMs;
  FailureDetector detector;
};

class DetectorOfTwoPaths : public Detector {
 protected:
  DetectorOfTwoPaths() : Detector(2) {}
};

TEST_F(Detector, SeesAPartnerThatAnswers) { EXPECT_EQ(Pass(10'000 * kMs, true), Judgement::kSeen); }

TEST_F(Detector, BeatsTenTimesASecond) {
  int beats = 0;
  for (int i = 0; i < 1000; ++i) {
    now += 1 * kMs;
    if (detector.NextBeat(0, now)) ++beats;
  }
  EXPECT_NEAR(beats, 10, 1);
}

TEST_F(Detector, SuspectsAndThenGivesUpASilentPartner) {
  Pass(1000 * kMs, true);
  EXPECT_EQ(Pass(250 * kMs, false), Judgement::kSeen);
  EXPECT_EQ(Pass(200 * kMs, false), Judgement::kSuspect);
  EXPECT_EQ(Pass(480 * kMs, false), Judgement::kSuspect);
  EXPECT_EQ(Pass(200 * kMs, false), Judgement::kSilent);
}

TEST_F(Detector, HearingThePartnerIsNotEnough) {
  // Its beats come, but never say that it has received one of ours: the path works one way only.
  for (std::uint64_t n = 1; n <= 20; ++n) {
    now += 100 * kMs;
    detector.NextBeat(0, now);
    detector.OnBeat(0, {.number = n, .received = 0});
    detector.OnEcho(0, 0, now);
    if (detector.Check(now) == Judgement::kSilent) return;
  }
  FAIL() << "a one-way path counted as alive";
}

TEST_F(Detector, AnEchoInABeatIsAsGoodAsAnAnswer) {
  for (int i = 0; i < 50; ++i) {
    now += 100 * kMs;
    const auto beat = detector.NextBeat(0, now);
    ASSERT_TRUE(beat);
    detector.OnBeat(0, {.number = static_cast<std::uint64_t>(i + 1), .received = beat->number});
    detector.OnEcho(0, beat->number, now + 1);
    ASSERT_EQ(detector.Check(now + 1), Judgement::kSeen);
  }
}

TEST_F(Detector, AnEchoProvesTheMomentOfSendingNotOfArriving) {
  const auto beat = detector.NextBeat(0, now);
  ASSERT_TRUE(beat);
  // The echo crawls in after 900 ms: 200 ms later the beat is older than failure_after.
  for (int i = 0; i < 9; ++i) detector.Check(now += 100 * kMs);
  EXPECT_EQ(detector.OnEcho(0, beat->number, now), 900 * kMs);
  EXPECT_EQ(detector.Check(now += 90 * kMs), Judgement::kSuspect);
  EXPECT_EQ(detector.Check(now += 20 * kMs), Judgement::kSilent);
}

TEST_F(Detector, AnEchoOfABeatNeverSentProvesNothing) {
  EXPECT_FALSE(detector.OnEcho(0, 17, now));
  EXPECT_EQ(Pass(1200 * kMs, false), Judgement::kSilent);
}

TEST_F(Detector, ARefusedReconnectIsDeathAtOnce) {
  Pass(500 * kMs, true);
  detector.OnPathLost(0);
  EXPECT_EQ(detector.Check(now), Judgement::kSuspect);
  detector.OnRefused(0);
  EXPECT_EQ(detector.Check(now), Judgement::kRefused);
}

TEST_F(Detector, AReconnectClearsSuspicion) {
  detector.OnPathLost(0);
  EXPECT_EQ(detector.Check(now), Judgement::kSuspect);
  detector.OnPathUp(0, now);
  EXPECT_EQ(detector.Check(now), Judgement::kSeen);
  detector.OnRefused(0);  // of an attempt that lost the race
  EXPECT_EQ(detector.Check(now), Judgement::kSeen);
}

TEST_F(Detector, AGapOfItsOwnLoopIsNotHeldAgainstThePartner) {
  Pass(500 * kMs, true);
  now += 5000 * kMs;  // SIGSTOP
  EXPECT_EQ(detector.Check(now), Judgement::kSeen);
  EXPECT_EQ(detector.gaps(), 1u);
  EXPECT_EQ(Pass(500 * kMs, true), Judgement::kSeen);
  // But real silence after it is noticed as always.
  EXPECT_EQ(Pass(1100 * kMs, false), Judgement::kSilent);
}

TEST_F(DetectorOfTwoPaths, OnePathIsEnough) {
  detector.OnPathLost(0);
  detector.OnRefused(0);
  for (int i = 0; i < 30; ++i) {
    now += 100 * kMs;
    const auto beat = detector.NextBeat(1, now);
    ASSERT_TRUE(beat);
    detector.OnEcho(1, beat->number, now);
    ASSERT_EQ(detector.Check(now), Judgement::kSeen);
  }
}

TEST_F(DetectorOfTwoPaths, OnlyARefusalOnEachPathIsDeath) {
  detector.OnPathLost(0);
  detector.OnPathLost(1);
  detector.OnRefused(0);
  EXPECT_EQ(detector.Check(now), Judgement::kSuspect);
  detector.OnRefused(1);
  EXPECT_EQ(detector.Check(now), Judgement::kRefused);
}

TEST(FailureDetector, APathThatNeverWorkedHasNoSay) {
  FailureDetector detector({.paths = 2});
  detector.OnPathUp(0, 0);
  detector.Start(0);
  detector.OnPathLost(0);
  detector.OnRefused(0);
  EXPECT_EQ(detector.Check(1), Judgement::kRefused);
}

TEST(FailureDetector, WakesUpForBeatsAndForTheEndOfPatience) {
  FailureDetector detector({.paths = 1});
  detector.OnPathUp(0, 0);
  detector.Start(0);
  EXPECT_LE(detector.NextDeadline(), 0);
  ASSERT_TRUE(detector.NextBeat(0, 0));
  detector.Check(0);
  EXPECT_LE(detector.NextDeadline(), 100 * kMs);
  EXPECT_GT(detector.NextDeadline(), 0);
}

}  // namespace
}  // namespace tandem::cluster
