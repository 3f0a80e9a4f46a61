// What a shard's state takes.
#pragma once

#include <cstddef>

namespace tandem::broker {

// Bytes, from sizes and counts, good to a quarter (tests/engine/broker/shard_memory_test.cc holds
// them against the heap). What several queues share counts in each.
struct MemoryUse {
  std::size_t connections = 0;
  std::size_t sessions = 0;
  std::size_t subscriptions = 0;
  std::size_t queues = 0;
  std::size_t retained = 0;
};

}  // namespace tandem::broker
