#include "engine/broker/peer_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/engine/broker/shard_parts.h"

namespace tandem::broker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

class PeerStreamTest : public ::testing::Test {
 protected:
  static constexpr std::uint16_t kCores = 3;

  void Up(std::uint64_t epoch, std::uint16_t peer_cores = 2) {
    stream_.Up({.epoch = epoch, .peer_cores = peer_cores});
  }
  // The acknowledgements that are due now: (stream, number).
  std::vector<std::pair<int, int>> Due() {
    parts_.context.outbox.Clear();
    stream_.Acknowledge();
    std::vector<std::pair<int, int>> due;
    for (const AcknowledgeEffect& effect : parts_.context.outbox.acknowledgements) {
      due.emplace_back(Index(effect.stream), static_cast<int>(effect.number));
    }
    return due;
  }

  void Answers(CoreId core, const PeerOrigin& origin, std::uint32_t parts = 1) {
    stream_.AppliedAt(core, {.origin = origin, .parts = parts});
  }

  ShardParts parts_{kCores};
  PeerStream stream_{parts_.context};
};

TEST_F(PeerStreamTest, NumbersRecordsFromOneInEachEpoch) {
  Up(1);
  EXPECT_EQ(stream_.Append(SnapshotEndRecord{}), 1u);
  EXPECT_EQ(stream_.Append(SnapshotEndRecord{}), 2u);
  stream_.Down();
  EXPECT_FALSE(stream_.up());
  Up(2);
  EXPECT_EQ(stream_.Append(SnapshotEndRecord{}), 1u);
  EXPECT_EQ(stream_.epoch().epoch, 2u);
  ASSERT_EQ(parts_.context.outbox.records.size(), 3u);
  EXPECT_EQ(parts_.context.outbox.records[1].number, 2u);
}

TEST_F(PeerStreamTest, SaysWhetherTheOtherNodeHasWhatThisCoreToldAtTheBeginning) {
  Up(1);
  stream_.Append(SnapshotEndRecord{});
  EXPECT_FALSE(stream_.snapshot_applied_there());
  stream_.SnapshotSent(stream_.Append(SnapshotEndRecord{}));
  stream_.Applied(1);
  EXPECT_FALSE(stream_.snapshot_applied_there());
  stream_.Applied(2);
  EXPECT_TRUE(stream_.snapshot_applied_there());
  stream_.Down();
  Up(2);
  EXPECT_FALSE(stream_.snapshot_applied_there());
}

TEST_F(PeerStreamTest, KnowsWhatIsWantedOnceEveryCoreHasToldIt) {
  Up(1, 64);
  for (std::uint16_t core = 0; core < 64; ++core) {
    EXPECT_FALSE(stream_.knows_interest()) << core;
    stream_.SnapshotApplied(CoreId{core});
  }
  EXPECT_TRUE(stream_.knows_interest());
  stream_.Down();
  Up(2, 1);
  EXPECT_FALSE(stream_.knows_interest());
  stream_.SnapshotApplied(CoreId{0});
  EXPECT_TRUE(stream_.knows_interest());
}

TEST_F(PeerStreamTest, CountsTheBacklogUntilItIsApplied) {
  Up(1);
  stream_.Append(InterestRecord{.filter = std::string(100, 'x')});
  const std::size_t one = stream_.backlog_bytes();
  EXPECT_GE(one, 100u);
  stream_.Append(InterestRecord{.filter = std::string(50, 'x')});
  stream_.Append(InterestRecord{.filter = std::string(50, 'x')});
  EXPECT_TRUE(stream_.Applied(1));
  EXPECT_EQ(stream_.backlog_bytes(), 2 * (one - 50));
  EXPECT_TRUE(stream_.Applied(1)) << "said again";
  EXPECT_TRUE(stream_.Applied(3));
  EXPECT_EQ(stream_.backlog_bytes(), 0u);
  EXPECT_EQ(stream_.applied(), 3u);
}

TEST_F(PeerStreamTest, BelievesNoAcknowledgementOfWhatWasNeverSent) {
  Up(1);
  stream_.Append(SnapshotEndRecord{});
  EXPECT_FALSE(stream_.Applied(2));
  EXPECT_EQ(stream_.applied(), 0u);
  stream_.Down();
  EXPECT_FALSE(stream_.Applied(1)) << "nobody is there";
  EXPECT_EQ(stream_.backlog_bytes(), 0u);
}

TEST_F(PeerStreamTest, AcknowledgesPerStreamOncePerTurn) {
  Up(1);
  EXPECT_THAT(Due(), IsEmpty());
  stream_.Received(CoreId{0}, 1);
  stream_.Received(CoreId{0}, 2);
  stream_.Received(CoreId{1}, 7);
  EXPECT_THAT(Due(), ElementsAre(Pair(0, 2), Pair(1, 7)));
  EXPECT_THAT(Due(), IsEmpty()) << "said already";
}

TEST_F(PeerStreamTest, WaitsForTheCoresThatARecordWasRelayedTo) {
  Up(1);
  const PeerOrigin first = stream_.Received(CoreId{0}, 1);
  stream_.RelayedTo(CoreId{1}, first);
  stream_.RelayedTo(CoreId{2}, first);
  stream_.Received(CoreId{0}, 2);
  EXPECT_THAT(Due(), IsEmpty());
  Answers(CoreId{1}, first);
  EXPECT_THAT(Due(), IsEmpty());
  Answers(CoreId{2}, first);
  EXPECT_THAT(Due(), ElementsAre(Pair(0, 2))) << "and what came behind it concerned nobody else";
}

TEST_F(PeerStreamTest, AcknowledgesAsFarAsTheSlowestCoreHasCome) {
  Up(1);
  const PeerOrigin first = stream_.Received(CoreId{0}, 1);
  stream_.RelayedTo(CoreId{1}, first);
  const PeerOrigin second = stream_.Received(CoreId{0}, 2);
  stream_.RelayedTo(CoreId{1}, second);
  stream_.RelayedTo(CoreId{2}, second);
  Answers(CoreId{2}, second);
  EXPECT_THAT(Due(), IsEmpty());
  Answers(CoreId{1}, first);
  EXPECT_THAT(Due(), ElementsAre(Pair(0, 1)));
  Answers(CoreId{1}, second);
  EXPECT_THAT(Due(), ElementsAre(Pair(0, 2)));
}

TEST_F(PeerStreamTest, CountsARecordAsAppliedOnceAllItsPartsAre) {
  Up(1);
  const PeerOrigin first = stream_.Received(CoreId{0}, 1);
  stream_.RelayedTo(CoreId{1}, first);
  stream_.RelayedTo(CoreId{1}, first);
  const PeerOrigin second = stream_.Received(CoreId{0}, 2);
  stream_.RelayedTo(CoreId{1}, second);
  Answers(CoreId{1}, first, 1);
  EXPECT_THAT(Due(), IsEmpty()) << "its second part is still on its way";
  Answers(CoreId{1}, first, 2);
  EXPECT_THAT(Due(), ElementsAre(Pair(0, 1)));
  Answers(CoreId{1}, second, 0);
  EXPECT_THAT(Due(), IsEmpty()) << "it has all before the second, and holds that back";
  Answers(CoreId{1}, second);
  EXPECT_THAT(Due(), ElementsAre(Pair(0, 2)));
}

TEST_F(PeerStreamTest, LetsOneStreamNotHoldBackAnother) {
  Up(1);
  stream_.RelayedTo(CoreId{1}, stream_.Received(CoreId{0}, 1));
  stream_.Received(CoreId{1}, 1);
  EXPECT_THAT(Due(), ElementsAre(Pair(1, 1)));
}

TEST_F(PeerStreamTest, IgnoresAnswersFromAnEarlierEpoch) {
  Up(1);
  const PeerOrigin old = stream_.Received(CoreId{0}, 5);
  stream_.RelayedTo(CoreId{1}, old);
  stream_.Down();
  Up(2);
  stream_.RelayedTo(CoreId{1}, stream_.Received(CoreId{0}, 1));
  Answers(CoreId{1}, old);
  EXPECT_THAT(Due(), IsEmpty());
}

TEST_F(PeerStreamTest, HoldsNothingForAStreamThatTheOtherNodeDoesNotHave) {
  Up(1, 1);
  const PeerOrigin origin = stream_.Received(CoreId{9}, 1);
  stream_.RelayedTo(CoreId{1}, origin);
  Answers(CoreId{1}, origin);
  EXPECT_THAT(Due(), IsEmpty());
}

}  // namespace
}  // namespace tandem::broker
