// What e2e_storm can do; each returns after printing a line of figures, or ends the program by
// Fail.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tandem::e2e {

struct StormOptions {
  std::vector<std::string> hosts;  // of the nodes; one or two
  std::uint64_t count = 1000;      // rounds, or messages per publisher
  std::size_t clients = 4;         // per node and role
  std::size_t bytes = 64;          // payload
  std::size_t window = 50;         // messages a publisher may be ahead of the slowest subscriber
  int timeout_ms = 5000;           // for any single step
};

// P3: subscribe on one node, and as soon as SUBACK is here, publish on the other. None is missed.
void RunRace(const StormOptions& options);

// P6: publishers and subscribers on every node; each subscriber gets each publisher's messages of
// each QoS complete, once and in order.
void RunOrder(const StormOptions& options);

// P10: publishers and members of one shared group on every node; each message goes to one member.
void RunGroup(const StormOptions& options);

// Large messages, one publisher at the first host and one subscriber at the last, every byte
// checked.
void RunBig(const StormOptions& options);

}  // namespace tandem::e2e
