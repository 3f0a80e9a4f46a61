// From the figures of a whole story to PASS or FAIL.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "tools/tandem-demo/clock.h"
#include "tools/tandem-demo/ledger.h"
#include "tools/tandem-demo/routes.h"

namespace tandem::demo {

struct Figures {
  Tally tally;  // at the end, nothing more to come
  std::array<std::string, kNodes> names;
  std::array<std::uint64_t, kNodes> published_via{};
  NodeIndex victim = 0;   // of those that were down, the one that took longest to come back
  Duration back_after{};  // from its start to ready
};

struct Verdict {
  bool pass = false;
  std::string line;  // "PASS ..." or "FAIL ..."
};

// The verdict in the middle of a story, where messages may be on the way.
std::string SoFar(const Tally& tally);

Verdict Judge(const Figures& figures);

}  // namespace tandem::demo
