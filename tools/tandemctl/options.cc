#include "tools/tandemctl/options.h"

#include <CLI/CLI.hpp>
#include <cstdio>

namespace tandem::tandemctl {
namespace {

constexpr const char* kDescription =
    "Talks to a Tandem node on this host, as root or as the user that the node runs as.";

constexpr const char* kFooter =
    "An upgrade without loss: tandemctl drain && systemctl restart tandem\n"
    "Exit codes: 0 done, 1 refused or no answer, 2 usage.\n";

int Complain(const char* what) {
  std::fprintf(stderr, "tandemctl: %s\nTry tandemctl --help.\n", what);
  return kExitUsage;
}

}  // namespace

std::optional<Options> ParseOptions(int argc, const char* const* argv, int& exit_code) {
  Options options;
  CLI::App app(kDescription, "tandemctl");
  app.footer(kFooter);
  app.require_subcommand(0, 1);  // of a mistyped one CLI11 would say that there is none
  app.add_option("--admin", options.admin, "admin.address of the node")
      ->type_name("ADDRESS:PORT")
      ->capture_default_str();
  app.fallthrough();
  app.add_subcommand("status", "prints what the node says of itself and of the pair, as JSON");
  CLI::App* const drain = app.add_subcommand(
      "drain", "moves the clients to the partner; ends when stopping interrupts nobody");
  drain->add_flag("--force", options.force, "also if no partner takes the clients");
  bool no_wait = false;
  drain->add_flag("--no-wait", no_wait, "only begins; ask again to see how far it is");
  CLI::App* const resume = app.add_subcommand("resume", "ends a drain: the node serves again");
  CLI::App* const force_serve = app.add_subcommand(
      "force-serve", "makes a node serve that may not without its partner; says what may be lost");
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    std::fputs(app.help().c_str(), stdout);
    exit_code = kExitOk;
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    exit_code = Complain(error.what());
    return std::nullopt;
  }
  if (app.get_subcommands().empty()) {
    exit_code = Complain("what to do? status, drain, resume or force-serve");
    return std::nullopt;
  }
  options.wait = !no_wait;
  if (*drain) options.command = Command::kDrain;
  if (*resume) options.command = Command::kResume;
  if (*force_serve) options.command = Command::kForceServe;
  exit_code = kExitOk;
  return options;
}

}  // namespace tandem::tandemctl
