// The command line of tandem-demo.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "tools/tandem-demo/story.h"

namespace tandem::demo {

struct Options {
  StoryOptions story;
  bool plain = false;                 // no live screen, even on a terminal
  bool keep = false;                  // leave the cluster running after PASS
  std::optional<std::string> stop;    // directory of a kept cluster to stop, instead of a demo
  std::optional<std::uint16_t> port;  // first of the ten ports
  std::string tandemd;                // path; empty: beside this program
  std::string haproxy = "haproxy";
};

// The options, or the exit code after --help or a mistake (both were answered on the terminal).
std::variant<Options, int> ParseOptions(int argc, char** argv);

}  // namespace tandem::demo
