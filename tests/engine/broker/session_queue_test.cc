#include "engine/broker/session_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <map>
#include <string>

#include "engine/base/limits.h"

namespace tandem::broker {
namespace {

using mqtt::PacketId;
using mqtt::QoS;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ReceivedResult = SessionQueue::ReceivedResult;

OutboundMessage Outbound(std::string_view payload, QoS qos = QoS::kAtLeastOnce) {
  OutboundMessage outbound;
  outbound.message = Message::Create({.topic = "t", .payload = AsBytes(payload), .qos = qos});
  outbound.qos = qos;
  return outbound;
}

std::string PayloadOf(const OutboundMessage& outbound) {
  return outbound.message ? std::string(AsText(outbound.message->payload())) : "";
}

// Sends what may be sent; yields "payload" for a first sending, "payload again", "release id".
std::vector<std::string> Send(SessionQueue& queue, std::size_t count = SIZE_MAX) {
  std::vector<std::string> sent;
  while (count-- > 0) {
    OutboundMessage* const next = queue.Next();
    if (next == nullptr) break;
    const auto id = static_cast<unsigned>(queue.next_packet_id());
    if (next->state == OutboundState::kReleased) {
      sent.push_back("release " + std::to_string(id));
    } else {
      sent.push_back(PayloadOf(*next) + (next->state == OutboundState::kSent ? " again" : ""));
    }
    queue.MarkSent();
  }
  return sent;
}

TEST(SessionQueue, GivesPacketIdsByTheNumberOfTheMessage) {
  EXPECT_EQ(SessionQueue::PacketIdOf(0), PacketId{1});
  EXPECT_EQ(SessionQueue::PacketIdOf(65'534), PacketId{65'535});
  EXPECT_EQ(SessionQueue::PacketIdOf(65'535), PacketId{1});
}

TEST(SessionQueue, SendsInOrderAndForgetsWhatIsAcknowledged) {
  SessionQueue queue;
  queue.Push(Outbound("a"));
  queue.Push(Outbound("b"));
  EXPECT_EQ(queue.queued_messages(), 2u);
  EXPECT_THAT(Send(queue), ElementsAre("a", "b"));
  EXPECT_EQ(queue.in_flight(), 2u);
  EXPECT_EQ(queue.queued_messages(), 0u);

  const auto done = queue.Acknowledge(PacketId{1}, QoS::kAtLeastOnce);
  ASSERT_TRUE(done);
  EXPECT_EQ(*done, Outbound("a").bytes());
  EXPECT_EQ(queue.in_flight(), 1u);
  EXPECT_EQ(queue.waiting_messages(), 1u);
  EXPECT_TRUE(queue.Acknowledge(PacketId{2}, QoS::kAtLeastOnce));
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.waiting_bytes(), 0u);
}

TEST(SessionQueue, TakesAcknowledgementsOutOfOrder) {
  SessionQueue queue;
  for (const char* payload : {"a", "b", "c"}) queue.Push(Outbound(payload));
  Send(queue);
  EXPECT_TRUE(queue.Acknowledge(PacketId{3}, QoS::kAtLeastOnce));
  EXPECT_TRUE(queue.Acknowledge(PacketId{1}, QoS::kAtLeastOnce));
  EXPECT_TRUE(queue.Acknowledge(PacketId{2}, QoS::kAtLeastOnce));
  EXPECT_TRUE(queue.empty());
}

TEST(SessionQueue, IgnoresAcknowledgementsOfWhatIsNotInFlight) {
  SessionQueue queue;
  queue.Push(Outbound("a"));
  queue.Push(Outbound("b", QoS::kExactlyOnce));
  EXPECT_FALSE(queue.Acknowledge(PacketId{1}, QoS::kAtLeastOnce)) << "never sent";
  Send(queue);
  EXPECT_FALSE(queue.Acknowledge(PacketId{0}, QoS::kAtLeastOnce));
  EXPECT_FALSE(queue.Acknowledge(PacketId{3}, QoS::kAtLeastOnce));
  EXPECT_FALSE(queue.Acknowledge(PacketId{1}, QoS::kExactlyOnce)) << "of the other QoS";
  EXPECT_FALSE(queue.Acknowledge(PacketId{2}, QoS::kAtLeastOnce)) << "of the other QoS";
  EXPECT_FALSE(queue.Complete(PacketId{2})) << "not released yet";
  EXPECT_EQ(queue.Received(PacketId{1}), ReceivedResult::kUnknown);
  EXPECT_EQ(queue.in_flight(), 2u);
}

TEST(SessionQueue, WalksAQos2MessageThroughItsHandshake) {
  SessionQueue queue;
  queue.Push(Outbound("a", QoS::kExactlyOnce));
  Send(queue);
  EXPECT_EQ(queue.Received(PacketId{1}), ReceivedResult::kReleased);
  EXPECT_EQ(queue.waiting_bytes(), 0u) << "the payload is no longer needed";
  EXPECT_EQ(queue.Received(PacketId{1}), ReceivedResult::kRepeated);
  EXPECT_EQ(queue.in_flight(), 1u) << "until PUBCOMP";
  EXPECT_TRUE(queue.Complete(PacketId{1}));
  EXPECT_FALSE(queue.Complete(PacketId{1}));
  EXPECT_EQ(queue.in_flight(), 0u);
  EXPECT_TRUE(queue.empty());
}

TEST(SessionQueue, EndsAQos2FlowThatTheReceiverRefuses) {
  SessionQueue queue;
  queue.Push(Outbound("a", QoS::kExactlyOnce));
  Send(queue);
  EXPECT_TRUE(queue.Acknowledge(PacketId{1}, QoS::kExactlyOnce));
  EXPECT_TRUE(queue.empty());
}

TEST(SessionQueue, ResendsInOrderUnderTheSameIdsAfterARewind) {
  SessionQueue queue;
  queue.Push(Outbound("a"));
  queue.Push(Outbound("b", QoS::kExactlyOnce));
  queue.Push(Outbound("c", QoS::kExactlyOnce));
  queue.Push(Outbound("d"));
  Send(queue, 3);
  queue.Received(PacketId{2});
  queue.Rewind();
  EXPECT_EQ(queue.in_flight(), 0u);
  EXPECT_FALSE(queue.Acknowledge(PacketId{1}, QoS::kAtLeastOnce)) << "not sent on this connection";
  EXPECT_THAT(Send(queue), ElementsAre("a again", "release 2", "c again", "d"));
  EXPECT_TRUE(queue.Acknowledge(PacketId{4}, QoS::kAtLeastOnce));
}

TEST(SessionQueue, KeepsTheIdsOfMessagesBehindADroppedOne) {
  SessionQueue queue;
  for (const char* payload : {"a", "b", "c"}) queue.Push(Outbound(payload));
  queue.Next();
  queue.MarkSent();
  queue.Next();
  queue.DropNext();  // "b" has expired
  EXPECT_THAT(Send(queue), ElementsAre("c"));
  EXPECT_TRUE(queue.Acknowledge(PacketId{3}, QoS::kAtLeastOnce));
  EXPECT_FALSE(queue.Acknowledge(PacketId{2}, QoS::kAtLeastOnce));
}

TEST(SessionQueue, GoesOnAfterAnyNumberOfDroppedMessages) {
  SessionQueue queue;
  for (std::uint32_t i = 0; i < kPacketIds + 10; ++i) {
    queue.Push(Outbound("expired"));
    ASSERT_NE(queue.Next(), nullptr) << i;
    queue.DropNext();
  }
  queue.Push(Outbound("a"));
  EXPECT_THAT(Send(queue), ElementsAre("a"));
}

TEST(SessionQueue, NeverHasMoreThan65535NumbersInFlight) {
  SessionQueue queue;
  for (std::uint32_t i = 0; i < kPacketIds + 2; ++i) queue.Push(Outbound("m"));
  EXPECT_EQ(Send(queue).size(), kPacketIds);
  EXPECT_EQ(queue.Next(), nullptr) << "its id is taken by the oldest";
  EXPECT_TRUE(queue.Acknowledge(PacketId{2}, QoS::kAtLeastOnce));
  EXPECT_EQ(queue.Next(), nullptr) << "still taken";
  EXPECT_TRUE(queue.Acknowledge(PacketId{1}, QoS::kAtLeastOnce));
  EXPECT_EQ(Send(queue).size(), 2u);
  EXPECT_EQ(queue.in_flight(), kPacketIds);
}

TEST(SessionQueue, DropsTheOldestThatWasNeverSent) {
  SessionQueue queue;
  for (const char* payload : {"a", "b", "c", "d"}) queue.Push(Outbound(payload));
  Send(queue, 1);
  EXPECT_EQ(PayloadOf(*queue.DropOldestQueued()), "b");
  EXPECT_EQ(PayloadOf(*queue.DropOldestQueued()), "c");
  EXPECT_EQ(queue.queued_messages(), 1u);
  EXPECT_THAT(Send(queue), ElementsAre("d"));
  EXPECT_FALSE(queue.DropOldestQueued()) << "what was sent stays";
}

TEST(SessionQueue, TakesBackTheNewestThatWasNotSent) {
  SessionQueue queue;
  for (const char* payload : {"a", "b", "c"}) queue.Push(Outbound(payload));
  Send(queue, 1);
  EXPECT_EQ(PayloadOf(queue.DropNewestQueued()), "c");
  EXPECT_EQ(queue.queued_messages(), 1u);
  EXPECT_EQ(queue.next_number(), 3u) << "the number of what was taken back is not used again";
  queue.Push(Outbound("d"));
  EXPECT_THAT(Send(queue), ElementsAre("b", "d"));
}

TEST(SessionQueue, TakesNoMemoryForDroppedMessagesBehindOneThatIsNeverAcknowledged) {
  SessionQueue queue;
  queue.Push(Outbound("stuck"));
  Send(queue);
  for (int i = 0; i < 10'000; ++i) {
    queue.Push(Outbound("m"));
    if (queue.queued_messages() > 10) {
      ASSERT_TRUE(queue.DropOldestQueued());
    }
  }
  EXPECT_LE(queue.slots(), 32u);
  EXPECT_EQ(queue.waiting_messages(), 11u);
  EXPECT_EQ(queue.next_number(), 10'001u);
}

TEST(SessionQueue, GivesMessagesBackThatAreTakenOutWhileWalking) {
  SessionQueue queue;
  for (const char* payload : {"a", "b", "c"}) queue.Push(Outbound(payload));
  Send(queue, 2);
  std::vector<std::string> seen;
  queue.ForEach([&](std::uint64_t number, OutboundMessage& message) {
    seen.push_back(std::to_string(number) + PayloadOf(message));
    if (number != 1) queue.Discard(number);
  });
  EXPECT_THAT(seen, ElementsAre("0a", "1b", "2c"));
  EXPECT_EQ(queue.waiting_messages(), 1u);
  EXPECT_EQ(queue.in_flight(), 2u) << "the client has both";
  EXPECT_EQ(queue.queued_messages(), 0u);
  EXPECT_TRUE(queue.Acknowledge(PacketId{2}, QoS::kAtLeastOnce));
  EXPECT_TRUE(queue.empty());
}

TEST(SessionQueue, KeepsNothingOfAQueueThatWasTakenOutAltogether) {
  SessionQueue queue;
  for (const char* payload : {"a", "b", "c"}) queue.Push(Outbound(payload));
  queue.ForEach([&](std::uint64_t number, OutboundMessage&) { queue.Discard(number); });
  EXPECT_TRUE(queue.empty());
  queue.Push(Outbound("d"));
  EXPECT_THAT(Send(queue), ElementsAre("d"));
  EXPECT_TRUE(queue.Acknowledge(PacketId{4}, QoS::kAtLeastOnce)) << "numbers go on";
}

TEST(SessionQueue, GivesItsMemoryBackWhenItIsEmptyAndItsClientGoes) {
  SessionQueue queue;
  for (int i = 0; i < 100; ++i) queue.Push(Outbound("m"));
  Send(queue);
  for (std::uint16_t id = 1; id <= 100; ++id) queue.Acknowledge(PacketId{id}, QoS::kAtLeastOnce);
  EXPECT_LE(queue.slots(), 8u) << "a little, for traffic one by one";
  queue.Rewind();
  EXPECT_EQ(queue.slots(), 0u);
}

TEST(SessionQueue, TakesNothingOutOfOrderFromACopy) {
  SessionQueue queue;
  queue.StartAt(10);
  EXPECT_FALSE(queue.Place(9, Outbound("a")));
  EXPECT_TRUE(queue.Place(10, Outbound("b")));
  EXPECT_FALSE(queue.Place(10, Outbound("b")));
  EXPECT_EQ(queue.waiting_messages(), 1u);
}

TEST(SessionQueue, GoesOnWhereACopyOfItStood) {
  SessionQueue queue;
  queue.StartAt(70'000);
  OutboundMessage released;
  released.qos = QoS::kExactlyOnce;
  released.state = OutboundState::kReleased;
  queue.Place(70'001, Outbound("a"));
  queue.Place(70'004, std::move(released));
  queue.Place(70'005, Outbound("b"));
  queue.Activate(70'005, false);
  EXPECT_EQ(queue.waiting_messages(), 3u);
  EXPECT_EQ(queue.queued_messages(), 1u);
  EXPECT_THAT(Send(queue), ElementsAre("a again", "release 4470", "b"));
  EXPECT_TRUE(queue.Acknowledge(SessionQueue::PacketIdOf(70'001), QoS::kAtLeastOnce));
  EXPECT_TRUE(queue.Complete(SessionQueue::PacketIdOf(70'004)));
  EXPECT_TRUE(queue.Acknowledge(SessionQueue::PacketIdOf(70'005), QoS::kAtLeastOnce));
  EXPECT_EQ(queue.next_number(), 70'006u);
}

TEST(SessionQueue, OfACopyGivesNoNumberThatItsOwnerHasGiven) {
  SessionQueue queue;
  queue.StartAt(10, 13);
  EXPECT_TRUE(queue.Place(10, Outbound("a")));
  // 11 and 12 were done with before the copy was told anything.
  queue.Activate(10, false);
  queue.Push(Outbound("b"));
  EXPECT_TRUE(queue.Contains(13));
  EXPECT_EQ(queue.next_number(), 14u);
}

TEST(SessionQueue, OfACopyKnowsWhatItsOwnerHadGivenWhenItWasTold) {
  SessionQueue queue;
  queue.StartAt(10, 13);
  EXPECT_TRUE(queue.IsOld(12));
  EXPECT_FALSE(queue.IsOld(13));
}

// The client goes to the other node and comes back, and nothing is queued meanwhile.
TEST(SessionQueue, GivesNoNumberAgainAfterItWasACopyForAWhile) {
  SessionQueue queue;
  queue.Push(Outbound("a"));
  EXPECT_THAT(Send(queue), ElementsAre("a"));
  queue.Acknowledge(SessionQueue::PacketIdOf(0), QoS::kAtLeastOnce);
  queue.Deactivate();
  queue.Activate(0, false);
  queue.Push(Outbound("b"));
  EXPECT_TRUE(queue.Contains(1));
}

TEST(SessionQueue, IsLookedAtInParts) {
  SessionQueue queue;
  for (const char* payload : {"a", "b", "c", "d", "e"}) queue.Push(Outbound(payload));
  EXPECT_THAT(Send(queue, 3), ElementsAre("a", "b", "c"));
  queue.Acknowledge(SessionQueue::PacketIdOf(1), QoS::kAtLeastOnce);
  const auto numbers = [&](std::uint64_t first, std::uint64_t last) {
    std::vector<std::uint64_t> seen;
    queue.ForEachIn(first, last,
                    [&](std::uint64_t number, const OutboundMessage&) { seen.push_back(number); });
    return seen;
  };
  EXPECT_THAT(numbers(0, UINT64_MAX), ElementsAre(0, 2, 3, 4));
  EXPECT_THAT(numbers(1, 4), ElementsAre(2, 3));
  EXPECT_EQ(queue.NumberBehind(0, 4), 4u);
  EXPECT_EQ(queue.NumberBehind(4, 1), UINT64_MAX);
  EXPECT_EQ(queue.NumberBehind(7, 1), UINT64_MAX);
}

TEST(SessionQueue, RepeatsWithDupWhatMayHaveBeenSentBehindAMessageThatIsNotThereYet) {
  SessionQueue queue;
  OutboundMessage empty;
  empty.qos = QoS::kExactlyOnce;
  ASSERT_TRUE(queue.Place(0, std::move(empty)));
  ASSERT_TRUE(queue.Place(1, Outbound("b", QoS::kExactlyOnce)));
  ASSERT_TRUE(queue.Place(2, Outbound("c", QoS::kExactlyOnce)));
  queue.Activate(2, false);
  EXPECT_EQ(queue.Next(), nullptr);
  ASSERT_TRUE(queue.Fill(0, Outbound("a").message));
  ASSERT_NE(queue.Next(), nullptr);
  EXPECT_TRUE(queue.next_maybe_sent());
  EXPECT_THAT(Send(queue, 1), ElementsAre("a"));
  ASSERT_NE(queue.Next(), nullptr);
  EXPECT_TRUE(queue.next_maybe_sent());
  EXPECT_THAT(Send(queue, 1), ElementsAre("b"));
  ASSERT_NE(queue.Next(), nullptr);
  EXPECT_FALSE(queue.next_maybe_sent()) << "the owner had not come so far";
}

TEST(SessionQueue, DoesNotUseTheNumbersThatItSkips) {
  SessionQueue queue;
  queue.Push(Outbound("a"));
  queue.SkipTo(5'000);
  queue.SkipTo(100);
  queue.Push(Outbound("b"));
  EXPECT_TRUE(queue.Contains(0));
  EXPECT_TRUE(queue.Contains(5'000));
  EXPECT_THAT(Send(queue), ElementsAre("a", "b"));
}

TEST(SessionQueue, FollowsANewOwnerThatHasNotSkippedWhatThisOneHas) {
  SessionQueue queue;
  queue.Push(Outbound("a"));
  queue.SkipTo(5'000);
  queue.Deactivate();
  EXPECT_TRUE(queue.Place(1, Outbound("b")));
}

// What both nodes of a pair gave to the client while they did not see each other.
TEST(SessionQueue, KeepsThePlaceInTheWindowOfWhatIsDiscardedInFlight) {
  SessionQueue queue;
  for (const char* payload : {"a", "b", "c"}) queue.Push(Outbound(payload));
  EXPECT_THAT(Send(queue, 2), ElementsAre("a", "b"));
  queue.ForEach([&](std::uint64_t number, OutboundMessage&) {
    if (number != 1) queue.Discard(number);
  });
  EXPECT_EQ(queue.waiting_messages(), 1u);
  EXPECT_EQ(queue.in_flight(), 2u);
  EXPECT_FALSE(queue.FindInFlight(SessionQueue::PacketIdOf(0)));
  EXPECT_FALSE(queue.Acknowledge(SessionQueue::PacketIdOf(0), QoS::kAtLeastOnce));
  EXPECT_FALSE(queue.Settle(SessionQueue::PacketIdOf(0), QoS::kExactlyOnce)) << "it was QoS 1";
  EXPECT_TRUE(queue.Settle(SessionQueue::PacketIdOf(0), QoS::kAtLeastOnce));
  EXPECT_FALSE(queue.Settle(SessionQueue::PacketIdOf(0), QoS::kAtLeastOnce));
  EXPECT_EQ(queue.in_flight(), 1u);
}

TEST(SessionQueue, ForgetsWhatWasDiscardedInFlightWithTheConnection) {
  SessionQueue queue;
  for (const char* payload : {"a", "b"}) queue.Push(Outbound(payload));
  EXPECT_THAT(Send(queue), ElementsAre("a", "b"));
  queue.ForEach([&](std::uint64_t number, OutboundMessage&) { queue.Discard(number); });
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.in_flight(), 2u);
  queue.Rewind();
  EXPECT_EQ(queue.in_flight(), 0u);
  EXPECT_EQ(queue.slots(), 0u);
  EXPECT_FALSE(queue.Settle(SessionQueue::PacketIdOf(0), QoS::kAtLeastOnce));
}

// Any sequence of what a session does to its queue, against a map by number.
struct Model {
  struct Entry {
    std::string payload;
    QoS qos{};
    OutboundState state{};
    bool on_wire = false;  // of this connection
  };
  std::map<std::uint64_t, Entry> entries;
  std::map<std::uint64_t, QoS> taken;  // discarded on the wire
  std::uint64_t next = 0;

  // The number that Next() must yield.
  std::optional<std::uint64_t> ToSend() const {
    for (const auto& [number, entry] : entries) {
      if (entry.on_wire) continue;
      const std::uint64_t first = taken.empty()
                                      ? entries.begin()->first
                                      : std::min(entries.begin()->first, taken.begin()->first);
      if (number - first >= kPacketIds) return std::nullopt;
      return number;
    }
    return std::nullopt;
  }
  std::size_t Count(OutboundState state) const {
    return static_cast<std::size_t>(std::count_if(
        entries.begin(), entries.end(), [&](const auto& e) { return e.second.state == state; }));
  }
};

void Settle(SessionQueue& queue, Model& model, std::uint64_t number, QoS qos) {
  const auto it = model.taken.find(number);
  const bool known = it != model.taken.end() && it->second == qos;
  RC_ASSERT(queue.Settle(SessionQueue::PacketIdOf(number), qos) == known);
  if (known) model.taken.erase(it);
}

void RunAgainstModel(SessionQueue& queue, Model& model) {
  const int action = *rc::gen::inRange(0, 10);
  // Near the end of the queue, and far fewer back than there are packet ids: what a client
  // acknowledges is an id, and two of these numbers never share one.
  const auto pick = [&]() -> std::uint64_t {
    return model.next -
           *rc::gen::inRange<std::uint64_t>(0, std::min<std::uint64_t>(model.next, 200) + 1);
  };
  if (action <= 1) {
    const QoS qos = *rc::gen::element(QoS::kAtLeastOnce, QoS::kExactlyOnce);
    const std::string payload(*rc::gen::inRange<std::size_t>(0, 9), 'x');
    queue.Push(Outbound(payload, qos));
    model.entries[model.next++] = {payload, qos, OutboundState::kQueued, false};
  } else if (action <= 3) {
    OutboundMessage* const next = queue.Next();
    const auto expected = model.ToSend();
    RC_ASSERT((next != nullptr) == expected.has_value());
    if (next == nullptr) return;
    Model::Entry& entry = model.entries[*expected];
    RC_ASSERT(queue.next_packet_id() == SessionQueue::PacketIdOf(*expected));
    RC_ASSERT(next->state == entry.state);
    if (entry.state != OutboundState::kReleased) {
      RC_ASSERT(PayloadOf(*next) == entry.payload);
    }
    if (entry.state == OutboundState::kQueued && *rc::gen::inRange(0, 4) == 0) {
      queue.DropNext();
      model.entries.erase(*expected);
      return;
    }
    queue.MarkSent();
    entry.on_wire = true;
    if (entry.state == OutboundState::kQueued) entry.state = OutboundState::kSent;
  } else if (action == 4) {
    const std::uint64_t number = pick();
    const auto it = model.entries.find(number);
    const QoS qos = *rc::gen::element(QoS::kAtLeastOnce, QoS::kExactlyOnce);
    const bool known = it != model.entries.end() && it->second.on_wire &&
                       it->second.state == OutboundState::kSent && it->second.qos == qos;
    RC_ASSERT(queue.Acknowledge(SessionQueue::PacketIdOf(number), qos).has_value() == known);
    if (known) model.entries.erase(it);
    if (!known) Settle(queue, model, number, qos);
  } else if (action == 5) {
    const std::uint64_t number = pick();
    const auto it = model.entries.find(number);
    const bool known =
        it != model.entries.end() && it->second.on_wire && it->second.qos == QoS::kExactlyOnce;
    const auto expected = !known ? ReceivedResult::kUnknown
                          : it->second.state == OutboundState::kReleased
                              ? ReceivedResult::kRepeated
                              : ReceivedResult::kReleased;
    RC_ASSERT(queue.Received(SessionQueue::PacketIdOf(number)) == expected);
    if (known) it->second.state = OutboundState::kReleased;
  } else if (action == 6) {
    const std::uint64_t number = pick();
    const auto it = model.entries.find(number);
    const bool known = it != model.entries.end() && it->second.on_wire &&
                       it->second.state == OutboundState::kReleased;
    RC_ASSERT(queue.Complete(SessionQueue::PacketIdOf(number)) == known);
    if (known) model.entries.erase(it);
    if (!known) Settle(queue, model, number, QoS::kExactlyOnce);
  } else if (action == 7) {
    const auto dropped = queue.DropOldestQueued();
    const auto it = std::find_if(model.entries.begin(), model.entries.end(), [](const auto& e) {
      return e.second.state == OutboundState::kQueued;
    });
    RC_ASSERT(dropped.has_value() == (it != model.entries.end()));
    if (it != model.entries.end()) model.entries.erase(it);
  } else if (action == 8) {
    const auto it = model.entries.find(pick());
    if (it == model.entries.end()) return;
    queue.Discard(it->first);
    if (it->second.on_wire) model.taken.emplace(it->first, it->second.qos);
    model.entries.erase(it);
  } else {
    queue.Rewind();
    model.taken.clear();
    for (auto& [number, entry] : model.entries) entry.on_wire = false;
  }
}

TEST(SessionQueue, DoesWhatAMapWouldDo) {
  EXPECT_TRUE(rc::check("session queue against its model", [] {
    SessionQueue queue;
    Model model;
    const auto start = *rc::gen::element<std::uint64_t>(0, 65'530, 1'000'000);
    queue.StartAt(start);
    model.next = start;
    const int steps = *rc::gen::inRange(0, 120);
    for (int i = 0; i < steps; ++i) {
      RunAgainstModel(queue, model);
      std::vector<std::uint64_t> numbers;
      queue.ForEach([&](std::uint64_t number, OutboundMessage&) { numbers.push_back(number); });
      std::size_t bytes = 0;
      std::size_t on_wire = model.taken.size();
      for (const auto& [number, entry] : model.entries) {
        if (entry.state != OutboundState::kReleased) bytes += 1 + entry.payload.size();
        if (entry.on_wire) ++on_wire;
      }
      RC_ASSERT(queue.waiting_messages() == model.entries.size());
      RC_ASSERT(queue.queued_messages() == model.Count(OutboundState::kQueued));
      RC_ASSERT(queue.waiting_bytes() == bytes);
      RC_ASSERT(queue.in_flight() == on_wire);
      RC_ASSERT(queue.next_number() == model.next);
      RC_ASSERT(numbers.size() == model.entries.size());
      RC_ASSERT(std::equal(numbers.begin(), numbers.end(), model.entries.begin(),
                           [](std::uint64_t n, const auto& e) { return n == e.first; }));
    }
  }));
}

}  // namespace
}  // namespace tandem::broker
