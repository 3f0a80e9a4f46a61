// tandemd: one node of Tandem.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "engine/base/log.h"
#include "engine/node/config/load.h"
#include "tools/tandemd/heap.h"
#include "tools/tandemd/options.h"
#include "tools/tandemd/service.h"
#include "tools/tandemd/signals.h"
#include "tools/tandemd/supervisor.h"
#include "tools/tandemd/version.h"

extern char** environ;

namespace tandem::tandemd {
namespace {

config::Sources MakeSources(const Options& options) {
  config::Sources sources{.file = options.config_file, .sets = options.sets};
  for (char** variable = environ; *variable != nullptr; ++variable)
    sources.environment.emplace_back(*variable);
  return sources;
}

int Run(const config::Config& config) {
  KeepFreedMemory();
  // Before any thread, so that all of them leave the signals to this one.
  const SignalQueue signals;
  const absl::Status logging = StartLog({.level = config.log.level,
                                         .format = config.log.format,
                                         .access_log = config.log.access_log});
  if (!logging.ok()) {
    std::fprintf(stderr, "tandemd: %s\n", logging.ToString().c_str());
    return kExitFailed;
  }
  InstallCrashFlush();
  Supervisor supervisor(std::getenv("NOTIFY_SOCKET"), std::getenv("WATCHDOG_USEC"));
  Log(LogLevel::kInfo, "tandemd starts",
      {{"version", kVersion}, {"revision", kRevision}, {"node", config.node.name}});
  for (bool anew = true; anew;) {
    absl::StatusOr<std::unique_ptr<Service>> service = Service::Start(config);
    if (!service.ok()) {
      Log(LogLevel::kError, "cannot start", {{"error", std::string(service.status().message())}});
      StopLog();
      return kExitFailed;
    }
    supervisor.Ready();
    anew = (*service)->Serve(signals, supervisor);
    service->reset();
    if (anew) Log(LogLevel::kInfo, "tandemd starts anew", {{"node", config.node.name}});
  }
  Log(LogLevel::kInfo, "tandemd has stopped", {{"node", config.node.name}});
  StopLog();
  return kExitOk;
}

}  // namespace
}  // namespace tandem::tandemd

int main(int argc, char** argv) {
  namespace tandemd = tandem::tandemd;
  int exit_code = tandemd::kExitOk;
  const auto options = tandemd::ParseOptions(argc, argv, exit_code);
  if (!options) return exit_code;
  const tandem::config::LoadResult loaded = tandem::config::Load(tandemd::MakeSources(*options));
  for (const tandem::config::Problem& problem : loaded.problems) {
    std::fprintf(stderr, "tandemd: %s\n", tandem::config::ToString(problem).c_str());
  }
  if (!loaded.ok()) return tandemd::kExitUsage;
  if (options->check_config) {
    std::puts("tandemd: the configuration is fine");
    return tandemd::kExitOk;
  }
  return tandemd::Run(loaded.config);
}
