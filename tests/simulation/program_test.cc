// Random stories of clients and nodes; tests/fuzz/shard searches for more.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "tests/support/broker_program.h"
#include "tests/support/world_test.h"

namespace tandem::testing {
namespace {

// The half of a session that the client was served from has expired on its node when the nodes
// meet; they part again, and that node goes on with the other half.
TEST(BrokerProgram, GivesNoIdentifierAgainThatAHalfHadWhichHasExpired) {
  const std::string program = absl::HexStringToBytes(
      "f2feff090000000017003b00fff2f117ef00562e17c500003089898989898989"
      "3a0efef5f5f5f5f5777777777777777777777777770000007777777777777777"
      "f5f5f5f5f5f5f5f5f5f5f50e790e0e79f5f5f5562e17c56f6e0e898989898989"
      "893a0efef5f5f50102f5f5f577777777770a000000777777f5f5f5790e790e0e"
      "79");
  EXPECT_EQ(RunBrokerProgram(AsBytes(program)), "");
}

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
