#include "tools/tandem-demo/options.h"

#include <CLI/CLI.hpp>
#include <cstdio>

namespace tandem::demo {
namespace {

constexpr int kUsageError = 2;

}  // namespace

std::variant<Options, int> ParseOptions(int argc, char** argv) {
  Options options;
  std::int64_t seconds = options.story.length.count();
  CLI::App app(
      "Two Tandem nodes behind HAProxy with live traffic: either is killed and comes back, the "
      "link "
      "between them is cut and mended,\n"
      "one is drained and started again; the clients go on all the time.\n"
      "The last line is PASS or FAIL with figures; the exit code is 0 only for PASS (1 failed, 2 "
      "usage, 130 interrupted).",
      "tandem-demo");
  app.add_flag("--plain", options.plain,
               "Plain lines instead of a live screen (the default where output is no terminal)");
  app.add_option("--seconds", seconds, "Length of the acts with traffic together")
      ->check(CLI::Range(3, 3600))
      ->capture_default_str();
  app.add_option("--rate", options.story.messages_per_second, "Messages per second")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_flag("--keep", options.keep,
               "Leave the cluster running after PASS, and say how to try and how to stop it");
  app.add_option("--stop", options.stop, "Stop a cluster that was kept, and do nothing else")
      ->type_name("DIRECTORY");
  app.add_option("--port", options.port,
                 "First of ten ports to use on loopback (otherwise free ones are found)")
      ->check(CLI::Range(1024, 65'526));
  app.add_option("--tandemd", options.tandemd, "The broker (otherwise the one beside this program)")
      ->type_name("PATH");
  app.add_option("--haproxy", options.haproxy, "The balancer")
      ->type_name("PATH")
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    std::fputs(app.help().c_str(), stdout);
    return 0;
  } catch (const CLI::ParseError& problem) {
    std::fprintf(stderr, "tandem-demo: %s\nTry tandem-demo --help.\n", problem.what());
    return kUsageError;
  }
  options.story.length = std::chrono::seconds(seconds);
  return options;
}

}  // namespace tandem::demo
