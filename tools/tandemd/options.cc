#include "tools/tandemd/options.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <utility>

#include "tools/tandemd/version.h"

namespace tandem::tandemd {
namespace {

constexpr const char* kDescription =
    "A node of Tandem, the two-node MQTT broker.\n"
    "Without options it serves alone on 127.0.0.1:1883, with figures for operators on "
    "127.0.0.1:9883.";

constexpr const char* kFooter =
    "Keys are those of tandem.toml. Later ones win: defaults, file, environment, --set.\n"
    "  tandemd --config /etc/tandem/tandem.toml\n"
    "  tandemd --set listener.0.address=127.0.0.1:21883 --set log.level=debug\n"
    "  TANDEM_NODE__NAME=alpha tandemd --config tandem.toml\n"
    "Exit codes: 0 ended as asked, 1 failed, 2 usage or configuration.\n";

std::string VersionLine() { return std::string("tandemd ") + kVersion + " (" + kRevision + ")"; }

}  // namespace

std::optional<Options> ParseOptions(int argc, const char* const* argv, int& exit_code) {
  Options options;
  std::string file;
  CLI::App app(kDescription, "tandemd");
  app.footer(kFooter);
  app.set_version_flag("--version", VersionLine(), "prints the version");
  CLI::Option* const config =
      app.add_option("--config", file, "configuration file (TOML)")->type_name("FILE");
  app.add_option("--set", options.sets,
                 "sets one key, over the file and the environment; repeatable")
      ->type_name("SECTION.KEY=VALUE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_flag("--check-config", options.check_config,
               "checks the configuration, says what is wrong, starts nothing");

  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    std::fputs(app.help().c_str(), stdout);
    exit_code = kExitOk;
    return std::nullopt;
  } catch (const CLI::CallForVersion&) {
    std::puts(VersionLine().c_str());
    exit_code = kExitOk;
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    std::fprintf(stderr, "tandemd: %s\nTry tandemd --help.\n", error.what());
    exit_code = kExitUsage;
    return std::nullopt;
  }
  if (config->count() > 0) options.config_file = std::move(file);
  exit_code = kExitOk;
  return options;
}

}  // namespace tandem::tandemd
