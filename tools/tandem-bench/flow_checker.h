// Whether what one publisher sent to one subscriber arrived once and in order.
#pragma once

#include <cstdint>
#include <map>

#include "proto/mqtt/packet.h"

namespace tandem::bench {

// What became of the messages of one or more flows.
struct FlowCounts {
  std::uint64_t delivered = 0;           // messages that arrived at least once
  std::uint64_t allowed_duplicates = 0;  // QoS 1, marked DUP: the protocol permits them
  std::uint64_t duplicates = 0;          // any other repetition
  std::uint64_t reordered = 0;           // messages that arrived after a later one

  FlowCounts& operator+=(const FlowCounts& other) noexcept {
    delivered += other.delivered;
    allowed_duplicates += other.allowed_duplicates;
    duplicates += other.duplicates;
    reordered += other.reordered;
    return *this;
  }
};

// A flow is one publisher's messages as one subscriber sees them, numbered from 0. A gap costs one
// entry until it closes; a flow without gaps has no memory beside itself.
class FlowChecker {
 public:
  // Takes note of a message. True if it was not seen before.
  bool Observe(std::uint64_t sequence, mqtt::QoS qos, bool dup) {
    if (sequence == next_) {
      ++next_;
      ++counts_.delivered;
      return true;
    }
    return ObserveOutOfTurn(sequence, qos, dup);
  }

  const FlowCounts& counts() const noexcept { return counts_; }
  // How many of the first `sent` messages never arrived.
  std::uint64_t Lost(std::uint64_t sent) const noexcept {
    return sent > counts_.delivered ? sent - counts_.delivered : 0;
  }

 private:
  bool ObserveOutOfTurn(std::uint64_t sequence, mqtt::QoS qos, bool dup);
  // Removes `sequence` from the missing ones; false if it was not missing.
  bool FillGap(std::uint64_t sequence);

  std::uint64_t next_ = 0;                          // one above the highest seen
  std::map<std::uint64_t, std::uint64_t> missing_;  // first -> one past the last
  FlowCounts counts_;
};

}  // namespace tandem::bench
