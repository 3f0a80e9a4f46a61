// Random stories of clients and nodes; tests/fuzz/shard searches for more.
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "tests/support/broker_program.h"
#include "tests/support/world_test.h"

namespace tandem::testing {
namespace {

TEST(BrokerProgram, LeavesNothingBehindWhateverHappens) {
  for (const std::uint64_t seed : Seeds(400)) {
    std::mt19937_64 random(seed);
    std::vector<std::uint8_t> program(100 + random() % 1500);
    for (std::uint8_t& byte : program) byte = static_cast<std::uint8_t>(random());
    ASSERT_EQ(RunBrokerProgram(program), "") << "seed " << seed;
  }
}

}  // namespace
}  // namespace tandem::testing
