// The third vote: a register outside of both nodes that is read, and written by compare and swap.
// What is written there, and when, is Standing's business; a provider only carries it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/base/ids.h"

namespace tandem::cluster {

// What the register holds: who may serve by itself.
struct WitnessRecord {
  std::uint64_t epoch = 0;  // rises with each record
  std::string node;         // "": both, together, until one of them claims
  std::string pairing;      // in which the writer was last (Pairing::id); "": in none
  Incarnation by{};         // the process that wrote it
  friend bool operator==(const WitnessRecord&, const WitnessRecord&) = default;
};

struct WitnessReading {
  std::uint64_t revision = 0;  // of the register; 0: nothing was ever written
  std::optional<WitnessRecord> record;
};

// One at a time; without `record` the register is read.
struct WitnessRequest {
  std::uint64_t number = 0;             // comes back with the answer
  std::optional<WitnessRecord> record;  // to be written if the register is at `revision` still
  std::uint64_t revision = 0;
};

struct WitnessAnswer {
  enum class Result : std::uint8_t {
    kRead,         // what stands there: asked for, or instead of what was to be written
    kWritten,      // `reading` is the request's own record
    kUnreachable,  // a write may have happened all the same
  };
  std::uint64_t number = 0;
  Result result = Result::kUnreachable;
  WitnessReading reading;
  std::string words;  // unreachable: why, for an operator
};

// A provider. One per node; both methods on the thread of core 0, which they never block. Every
// request is answered within kWitnessTime.
class Witness {
 public:
  virtual ~Witness() = default;
  virtual void Ask(WitnessRequest request) = 0;
  virtual std::optional<WitnessAnswer> Take() = 0;
};

}  // namespace tandem::cluster
