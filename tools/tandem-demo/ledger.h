// What was published and what arrived. The judge of the demo.
//
// The publisher numbers its messages 1, 2, 3 and begins one only when the one before is
// acknowledged, so the numbers say everything: a number that was acknowledged and never arrives is
// lost, a number that arrives first after a greater one is out of order, a number that arrives
// again came twice. QoS 1 allows a message to come twice where the publisher did not hear the
// acknowledgement and sent it again, or where the subscriber had to reconnect and the broker had
// not heard it acknowledge; every other repetition is a defect.
//
// While the nodes are apart, and both serve, what enters at one side waits there for those on the
// other: such a message may arrive behind newer ones, and is not lost before the nodes have met. It
// may also come twice, because both sides have it.
//
// Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "tools/tandem-demo/clock.h"

namespace tandem::demo {

// Number of a message, 1-based.
using Sequence = std::uint64_t;

struct Tally {
  std::uint64_t published = 0;        // messages begun
  std::uint64_t acknowledged = 0;     // whose PUBACK came
  std::uint64_t repeated = 0;         // that the publisher had to send more than once
  std::uint64_t received = 0;         // that reached the subscriber, each counted once
  std::uint64_t lost = 0;             // acknowledged, and a later one was received instead
  std::uint64_t held_back = 0;        // the same, while the nodes are apart
  std::uint64_t on_the_way = 0;       // acknowledged, not received, and nothing later was received
  std::uint64_t twice_explained = 0;  // receipts too many where QoS 1 allows it
  std::uint64_t twice_unexplained = 0;    // receipts too many where nothing allows it
  std::uint64_t out_of_order = 0;         // first receipts after a greater number
  std::uint64_t late_explained = 0;       // such receipts of messages that met a partition
  std::uint64_t unknown = 0;              // receipts of numbers that were never published
  std::optional<Duration> longest_pause;  // between one new message received and the next
};

class Ledger {
 public:
  // The next message. Its first attempt is to be noted with Attempted.
  Sequence Begin();
  // The publisher sends `sequence`, for the first time or again.
  void Attempted(Sequence sequence);
  void Acknowledged(Sequence sequence);
  void Received(Sequence sequence, TimePoint now);
  // The subscriber has a new connection: what came over an older one may come again, once.
  void SubscriberConnected() { ++connection_; }
  // The nodes are apart from now on, or have met again and told each other all they had.
  void SetApart(bool apart);

  std::uint64_t attempts(Sequence sequence) const { return messages_.at(sequence - 1).attempts; }
  Tally tally() const;

 private:
  struct Message {
    std::uint32_t attempts = 0;
    std::uint32_t receipts = 0;
    std::uint32_t redeliveries = 0;  // of these receipts
    std::uint32_t connection = 0;    // of the last receipt
    bool acknowledged = false;
    bool met_partition = false;  // was on its way while the nodes were apart
  };
  Message& At(Sequence sequence) { return messages_.at(sequence - 1); }
  void ReceivedAgain(Message& message);

  std::vector<Message> messages_;   // of number i + 1 at i
  std::set<Sequence> outstanding_;  // acknowledged, not received
  bool apart_ = false;
  Sequence highest_received_ = 0;
  std::uint32_t connection_ = 0;  // of the subscriber
  std::optional<TimePoint> last_receipt_;
  Tally counts_;  // what can be counted as it happens
};

}  // namespace tandem::demo
