// A register in memory that both nodes of a test share, in virtual time.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "cluster/witness/witness.h"

namespace tandem::cluster::testing {

// The register and the way to it. Outlives its MemoryWitnesses.
struct MemoryRegister {
  WitnessReading now;
  bool down = false;                     // nobody gets an answer
  std::map<std::string, bool> cut_from;  // this node gets none
  std::size_t reads = 0;
  std::size_t writes = 0;

  WitnessAnswer Serve(const WitnessRequest& request) {
    WitnessAnswer answer{.number = request.number, .result = WitnessAnswer::Result::kRead};
    if (request.record && request.revision == now.revision) {
      now = {.revision = now.revision + 1, .record = request.record};
      answer.result = WitnessAnswer::Result::kWritten;
      ++writes;
    } else {
      ++reads;
    }
    answer.reading = now;
    return answer;
  }
  bool Reachable(const std::string& node) const {
    const auto it = cut_from.find(node);
    return !down && (it == cut_from.end() || !it->second);
  }
};

// One node's provider: answers when it is asked the next time.
class MemoryWitness final : public Witness {
 public:
  MemoryWitness(MemoryRegister& where, std::string node)
      : register_(where), node_(std::move(node)) {}

  void Ask(WitnessRequest request) override {
    answer_ = register_.Reachable(node_)
                  ? register_.Serve(request)
                  : WitnessAnswer{.number = request.number, .words = "cut off by the test"};
  }
  std::optional<WitnessAnswer> Take() override { return std::exchange(answer_, std::nullopt); }

 private:
  MemoryRegister& register_;
  std::string node_;
  std::optional<WitnessAnswer> answer_;
};

}  // namespace tandem::cluster::testing
