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
  NodeIndex victim = 0;   // the node that was killed
  Duration back_after{};  // from its start to ready
};

struct Verdict {
  bool pass = false;
  std::string line;  // "PASS ..." or "FAIL ..."
};

Verdict Judge(const Figures& figures);

}  // namespace tandem::demo
