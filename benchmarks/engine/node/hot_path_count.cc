// One scenario of the hot path for a program that counts what is executed between two marks:
//
//   valgrind --tool=callgrind --collect-atstart=no --toggle-collect='*MeasuredTurn*' hot_path_count
//   pairs_qos1 20000
//
// Prints how many messages the subscribers received in MeasuredTurn(). See ci/instructions.
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <string_view>

#include "tests/support/hot_path.h"
#include "tests/support/paired_path.h"

namespace tandem::node {

// What is counted; a function of its own, so that its name can be given on a command line.
template <class Core>
[[gnu::noinline]] void MeasuredTurn(Core& core) {
  core.Turn();
}

namespace {

// Whose turns are measured.
enum class Of : std::uint8_t {
  kNode,         // which is alone
  kCheckedNode,  // with the transport's rules being watched, as in debug builds
  kOwner,        // of sessions that are kept on another node as well,
  kPartner,      // and that node's
};

struct Scenario {
  std::string_view name;
  const char* mode;
  std::uint32_t count;
  mqtt::QoS qos;
  std::uint32_t window;
  std::size_t payload_bytes;
  Of of = Of::kNode;
  std::uint16_t cores = 1;
};

using mqtt::QoS;

// The main scenarios of benchmarks/end_to_end/scenarios.py, smaller where only the size differs.
constexpr Scenario kScenarios[] = {
    {"pairs_qos0", "pair", 10, QoS::kAtMostOnce, 50, 64},
    {"pairs_qos1", "pair", 10, QoS::kAtLeastOnce, 50, 64},
    {"pairs_qos2", "pair", 10, QoS::kExactlyOnce, 50, 64},
    {"pairs_qos1_window1", "pair", 10, QoS::kAtLeastOnce, 1, 64},
    // A turn for each packet, as on a core with little to do.
    {"one_pair_qos1_window1", "pair", 1, QoS::kAtLeastOnce, 1, 64},
    {"fan_in_qos1", "fan-in", 100, QoS::kAtLeastOnce, 20, 64},
    {"fan_out_qos0", "fan-out", 200, QoS::kAtMostOnce, 20, 64},
    {"fan_out_qos0_window1", "fan-out", 200, QoS::kAtMostOnce, 1, 64},
    {"shared_qos1", "shared", 20, QoS::kAtLeastOnce, 20, 64},
    {"wildcard", "wildcard", 14, QoS::kAtMostOnce, 20, 64},
    {"pairs_qos1_2k", "pair", 10, QoS::kAtLeastOnce, 50, 2'048},
    {"pairs_64k", "pair", 2, QoS::kAtMostOnce, 2, 64 * 1024},
    {"pairs_qos1_checked", "pair", 10, QoS::kAtLeastOnce, 50, 64, Of::kCheckedNode},
    // Both cores in one thread; five of the ten pairs cross.
    {"two_cores_qos0", "pair", 10, QoS::kAtMostOnce, 50, 64, Of::kNode, 2},
    {"two_cores_qos1", "pair", 10, QoS::kAtLeastOnce, 50, 64, Of::kNode, 2},
    {"kept_qos1_owner", "pair", 10, QoS::kAtLeastOnce, 50, 64, Of::kOwner},
    {"kept_qos1_partner", "pair", 10, QoS::kAtLeastOnce, 50, 64, Of::kPartner},
    {"kept_qos1_window1_owner", "pair", 10, QoS::kAtLeastOnce, 1, 64, Of::kOwner},
    {"kept_qos1_window1_partner", "pair", 10, QoS::kAtLeastOnce, 1, 64, Of::kPartner},
};

// Returns how many messages were received while it was measured.
template <class Path>
std::uint64_t Measure(const bench::Options& options, std::uint16_t cores, std::uint64_t messages) {
  Path path(options, cores);
  path.Run(messages / 2 + 1, [](auto& core) { core.Turn(); });  // everything has its size
  const std::uint64_t before = path.load().received_ever();
  path.Run(messages, [](auto& core) { MeasuredTurn(core); });
  return path.load().received_ever() - before;
}

std::uint64_t MeasurePaired(const bench::Options& options, std::uint64_t messages, Of of) {
  PairedPath path(options);
  const auto turn = [](auto& core) { core.Turn(); };
  const auto measured = [](auto& core) { MeasuredTurn(core); };
  path.Run(messages / 2 + 1, turn, turn);
  const std::uint64_t before = path.load().received_ever();
  if (of == Of::kOwner) {
    path.Run(messages, measured, turn);
  } else {
    path.Run(messages, turn, measured);
  }
  return path.load().received_ever() - before;
}

std::uint64_t Measure(bench::Options& options, std::uint16_t cores, std::uint64_t messages, Of of) {
  switch (of) {
    case Of::kNode:
      return Measure<HotPath>(options, cores, messages);
    case Of::kCheckedNode:
      return Measure<CheckedHotPath>(options, cores, messages);
    case Of::kOwner:
    case Of::kPartner:
      options.session_expiry_s = 3600;
      return MeasurePaired(options, messages, of);
  }
  return 0;
}

int Main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: hot_path_count SCENARIO MESSAGES; scenarios:\n");
    for (const Scenario& scenario : kScenarios) std::fprintf(stderr, "%s\n", scenario.name.data());
    return 2;
  }
  for (const Scenario& scenario : kScenarios) {
    if (scenario.name != argv[1]) continue;
    bench::Options options;
    options.mode = scenario.mode;
    options.count = scenario.count;
    options.qos = scenario.qos;
    options.window = scenario.window;
    options.payload_bytes = scenario.payload_bytes;
    const auto messages = static_cast<std::uint64_t>(std::atoll(argv[2]));
    const std::uint64_t received = Measure(options, scenario.cores, messages, scenario.of);
    std::printf("%llu\n", static_cast<unsigned long long>(received));
    return 0;
  }
  std::fprintf(stderr, "no scenario %s\n", argv[1]);
  return 2;
}

}  // namespace
}  // namespace tandem::node

int main(int argc, char** argv) { return tandem::node::Main(argc, argv); }
