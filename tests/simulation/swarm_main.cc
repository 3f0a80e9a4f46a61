// Runs stories from seeds for as long as it is told, and says how many per minute. For nights; the
// tests run a fixed set.
//
//   swarm [--faults crashes,breaks,...|all] [--from SEED] [--seeds COUNT] [--seconds TIME]
//   [--pair model|real] [--policy serve|witness|prefer:0|prefer:1|stop|refuse] [--trace]
//   [--keep-going] [--no-hashes] [--oldest-partner]
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/log.h"
#include "tests/simulation/swarm.h"

namespace tandem::testing {
namespace {

constexpr auto kNoLog = static_cast<LogLevel>(static_cast<int>(LogLevel::kError) + 1);

struct Arguments {
  Faults faults;
  std::uint64_t from = 1;
  std::uint64_t seeds = UINT64_MAX;
  double seconds = 60;
  bool real_pair = false;
  std::optional<Policy> policy;
  bool trace = false;
  bool keep_going = false;
  bool copy_hashes = true;
  bool oldest_partner = false;
};

bool Parse(int argc, char** argv, Arguments& arguments) {
  arguments.faults = AllFaults();
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--trace") {
      arguments.trace = true;
    } else if (name == "--keep-going") {
      arguments.keep_going = true;
    } else if (name == "--no-hashes") {
      arguments.copy_hashes = false;
    } else if (name == "--oldest-partner") {
      arguments.oldest_partner = true;
    } else if (i + 1 == argc) {
      return false;
    } else if (name == "--faults") {
      if (!ParseFaults(argv[++i], arguments.faults)) return false;
    } else if (name == "--pair") {
      const std::string_view pair = argv[++i];
      arguments.real_pair = pair == "real";
      if (pair != "real" && pair != "model") return false;
    } else if (name == "--policy") {
      arguments.policy = ParsePolicy(argv[++i]);
      if (!arguments.policy) return false;
    } else if (name == "--from") {
      arguments.from = std::strtoull(argv[++i], nullptr, 10);
    } else if (name == "--seeds") {
      arguments.seeds = std::strtoull(argv[++i], nullptr, 10);
      arguments.seconds = 1e9;
    } else if (name == "--seconds") {
      arguments.seconds = std::strtod(argv[++i], nullptr);
    } else {
      return false;
    }
  }
  return true;
}

int Run(const Arguments& arguments) {
  using Clock = std::chrono::steady_clock;
  const auto began = Clock::now();
  const auto elapsed = [&] { return std::chrono::duration<double>(Clock::now() - began).count(); };
  std::uint64_t done = 0;
  std::uint64_t failed = 0;
  for (; done < arguments.seeds && elapsed() < arguments.seconds; ++done) {
    const std::uint64_t seed = arguments.from + done;
    const Verdict verdict = Swarm({.seed = seed,
                                   .allowed = arguments.faults,
                                   .copy_hashes = arguments.copy_hashes,
                                   .oldest_partner = arguments.oldest_partner,
                                   .trace = arguments.trace,
                                   .real_pair = arguments.real_pair,
                                   .policy = arguments.policy})
                                .Run();
    if (verdict.violations.empty()) continue;
    ++failed;
    std::printf("seed %llu (%s):\n", static_cast<unsigned long long>(seed), verdict.story.c_str());
    for (const std::string& violation : verdict.violations)
      std::printf("  %s\n", violation.c_str());
    std::fflush(stdout);
    if (!arguments.keep_going) {
      ++done;
      break;
    }
  }
  std::printf("%llu seeds from %llu, %llu failed, %.0f per minute\n",
              static_cast<unsigned long long>(done),
              static_cast<unsigned long long>(arguments.from),
              static_cast<unsigned long long>(failed), static_cast<double>(done) * 60 / elapsed());
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace tandem::testing

int main(int argc, char** argv) {
  tandem::testing::Arguments arguments;
  if (!tandem::testing::Parse(argc, argv, arguments)) {
    std::fprintf(stderr,
                 "usage: swarm [--faults NAME,NAME,...|all] [--from SEED] [--seeds COUNT] "
                 "[--seconds TIME] [--pair model|real] [--policy NAME] [--trace] "
                 "[--keep-going] [--no-hashes] [--oldest-partner]\n");
    return 2;
  }
  // Of a real pair's log: what it says belongs into a story that is told.
  tandem::SetLogLevel(arguments.trace ? tandem::LogLevel::kInfo : tandem::testing::kNoLog);
  return tandem::testing::Run(arguments);
}
