// Stories drawn from seeds. A failure names its seed, which brings it back.
#include "tests/simulation/swarm.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "absl/strings/str_join.h"
#include "tests/support/world_test.h"

namespace tandem::testing {
namespace {

void RunSeeds(const Faults& allowed, std::uint64_t count) {
  for (const std::uint64_t seed : Seeds(count)) {
    Swarm swarm(
        {.seed = seed, .allowed = allowed, .trace = std::getenv("TANDEM_TRACE") != nullptr});
    const Verdict verdict = swarm.Run();
    ASSERT_TRUE(verdict.violations.empty()) << "seed " << seed << " (" << verdict.story << "):\n  "
                                            << absl::StrJoin(verdict.violations, "\n  ");
  }
}

TEST(SwarmTest, KeepsEveryPromiseWhileOneNodeDiesAndComesBack) {
  RunSeeds({.crashes = true,
            .breaks = true,
            .lane_breaks = true,
            .clocks = true,
            .slow_clients = true,
            .churn = true,
            .retained = true},
           2'000);
}

}  // namespace
}  // namespace tandem::testing
