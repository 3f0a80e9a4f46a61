// tandemctl: what an operator tells a node.
#include <chrono>
#include <iostream>
#include <string>
#include <thread>

#include "tools/tandemctl/commands.h"
#include "tools/tandemctl/options.h"

int main(int argc, char** argv) {
  namespace tandemctl = tandem::tandemctl;
  using namespace std::chrono_literals;
  int exit_code = tandemctl::kExitOk;
  const auto options = tandemctl::ParseOptions(argc, argv, exit_code);
  if (!options) return exit_code;
  const std::string socket = "@tandem-" + options->admin;
  return tandemctl::Run(*options, {.request =
                                       [&](std::string_view method, std::string_view path) {
                                         return tandem::tools::HttpOverUnix(socket, method, path,
                                                                            10s);
                                       },
                                   .pause = [] { std::this_thread::sleep_for(200ms); },
                                   .out = std::cout,
                                   .err = std::cerr});
}
