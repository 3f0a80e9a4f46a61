#include "tools/tandem-demo/ledger.h"

#include <gtest/gtest.h>

namespace tandem::demo {
namespace {

using std::chrono::milliseconds;

class LedgerTest : public ::testing::Test {
 protected:
  // Publishes the next message, with one attempt and its acknowledgement.
  Sequence Publish() {
    const Sequence sequence = ledger_.Begin();
    ledger_.Attempted(sequence);
    ledger_.Acknowledged(sequence);
    return sequence;
  }
  void Receive(Sequence sequence) { ledger_.Received(sequence, now_); }

  Ledger ledger_;
  TimePoint now_{};
};

TEST_F(LedgerTest, CountsWhatArrivesOnceAndInOrderAsFlawless) {
  ledger_.SubscriberConnected();
  for (int i = 0; i < 100; ++i) Receive(Publish());
  const Tally tally = ledger_.tally();
  EXPECT_EQ(tally.published, 100u);
  EXPECT_EQ(tally.acknowledged, 100u);
  EXPECT_EQ(tally.received, 100u);
  EXPECT_EQ(tally.lost + tally.on_the_way, 0u);
  EXPECT_EQ(tally.twice_explained + tally.twice_unexplained + tally.out_of_order, 0u);
}

TEST_F(LedgerTest, AnAcknowledgedMessageIsOnTheWayUntilALaterOneOvertakesIt) {
  Publish();
  const Sequence second = Publish();
  EXPECT_EQ(ledger_.tally().on_the_way, 2u);
  EXPECT_EQ(ledger_.tally().lost, 0u);
  Receive(second);
  EXPECT_EQ(ledger_.tally().on_the_way, 0u);
  EXPECT_EQ(ledger_.tally().lost, 1u);
}

TEST_F(LedgerTest, AMessageThatComesLateIsNotLostButOutOfOrder) {
  const Sequence first = Publish();
  Receive(Publish());
  Receive(first);
  EXPECT_EQ(ledger_.tally().lost, 0u);
  EXPECT_EQ(ledger_.tally().out_of_order, 1u);
}

TEST_F(LedgerTest, WhatMetAPartitionMayArriveBehindNewerOnesOnceTheNodesHaveMet) {
  const Sequence under_way = Publish();
  ledger_.SetApart(true);
  const Sequence other_side = Publish();
  Receive(Publish());
  EXPECT_EQ(ledger_.tally().lost, 0u);
  EXPECT_EQ(ledger_.tally().held_back, 2u);
  ledger_.SetApart(false);
  EXPECT_EQ(ledger_.tally().lost, 2u);
  Receive(under_way);
  Receive(other_side);
  EXPECT_EQ(ledger_.tally().lost + ledger_.tally().held_back, 0u);
  EXPECT_EQ(ledger_.tally().late_explained, 2u);
  EXPECT_EQ(ledger_.tally().out_of_order, 0u);
}

TEST_F(LedgerTest, WhatMetAPartitionMayComeTwice) {
  ledger_.SetApart(true);
  const Sequence both_sides = Publish();
  Receive(both_sides);
  ledger_.SetApart(false);
  Receive(both_sides);
  EXPECT_EQ(ledger_.tally().twice_explained, 1u);
  EXPECT_EQ(ledger_.tally().twice_unexplained, 0u);
}

TEST_F(LedgerTest, WhatIsPublishedAfterTheNodesHaveMetHasNoExcuse) {
  ledger_.SetApart(true);
  ledger_.SetApart(false);
  const Sequence late = Publish();
  Receive(Publish());
  Receive(late);
  Receive(late);
  EXPECT_EQ(ledger_.tally().out_of_order, 1u);
  EXPECT_EQ(ledger_.tally().twice_unexplained, 1u);
}

TEST_F(LedgerTest, AMessageWithoutAcknowledgementIsNeverLost) {
  ledger_.Attempted(ledger_.Begin());
  Receive(Publish());
  EXPECT_EQ(ledger_.tally().lost, 0u);
  EXPECT_EQ(ledger_.tally().acknowledged, 1u);
}

TEST_F(LedgerTest, AMessageMayArriveBeforeItsAcknowledgement) {
  const Sequence sequence = ledger_.Begin();
  ledger_.Attempted(sequence);
  Receive(sequence);
  ledger_.Acknowledged(sequence);
  EXPECT_EQ(ledger_.tally().on_the_way, 0u);
  EXPECT_EQ(ledger_.tally().received, 1u);
}

TEST_F(LedgerTest, ASecondReceiptWithoutReasonIsADefect) {
  const Sequence sequence = Publish();
  Receive(sequence);
  Receive(sequence);
  EXPECT_EQ(ledger_.tally().twice_unexplained, 1u);
  EXPECT_EQ(ledger_.tally().received, 1u);
}

TEST_F(LedgerTest, EachRepetitionByThePublisherExplainsOneMoreReceipt) {
  const Sequence sequence = ledger_.Begin();
  ledger_.Attempted(sequence);
  ledger_.Attempted(sequence);
  ledger_.Acknowledged(sequence);
  Receive(sequence);
  Receive(sequence);
  EXPECT_EQ(ledger_.tally().repeated, 1u);
  EXPECT_EQ(ledger_.tally().twice_explained, 1u);
  EXPECT_EQ(ledger_.tally().twice_unexplained, 0u);
  Receive(sequence);
  EXPECT_EQ(ledger_.tally().twice_unexplained, 1u);
}

TEST_F(LedgerTest, AReconnectExplainsOneRedeliveryOfEachEarlierMessage) {
  ledger_.SubscriberConnected();
  const Sequence before = Publish();
  Receive(before);
  ledger_.SubscriberConnected();
  Receive(before);
  EXPECT_EQ(ledger_.tally().twice_explained, 1u);
  Receive(before);
  EXPECT_EQ(ledger_.tally().twice_unexplained, 1u);

  const Sequence after = Publish();
  Receive(after);
  Receive(after);
  EXPECT_EQ(ledger_.tally().twice_unexplained, 2u);
}

TEST_F(LedgerTest, ARepetitionThatComesLateIsNotOutOfOrder) {
  const Sequence first = ledger_.Begin();
  ledger_.Attempted(first);
  ledger_.Attempted(first);
  ledger_.Acknowledged(first);
  Receive(first);
  Receive(Publish());
  Receive(first);
  EXPECT_EQ(ledger_.tally().out_of_order, 0u);
  EXPECT_EQ(ledger_.tally().twice_explained, 1u);
}

TEST_F(LedgerTest, NotesWhatNobodyPublished) {
  Publish();
  Receive(0);
  Receive(2);
  EXPECT_EQ(ledger_.tally().unknown, 2u);
  EXPECT_EQ(ledger_.tally().received, 0u);
}

TEST_F(LedgerTest, RemembersTheLongestPauseBetweenNewMessages) {
  EXPECT_FALSE(ledger_.tally().longest_pause.has_value());
  for (const int pause_ms : {100, 400, 50}) {
    now_ += milliseconds(pause_ms);
    Receive(Publish());
  }
  EXPECT_EQ(ledger_.tally().longest_pause, milliseconds(400));
}

}  // namespace
}  // namespace tandem::demo
