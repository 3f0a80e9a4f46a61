// e2e_storm MODE --hosts A[,B] [--count N] [--clients N] [--bytes N] [--window N] [--timeout-ms N]
// Fast clients for the end-to-end tests. Prints figures, or "FAILED: ..." and exits with 1.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "tests/end_to_end/tools/modes.h"

namespace {

using tandem::e2e::StormOptions;

struct Mode {
  std::string_view name;
  void (*run)(const StormOptions&);
};
constexpr Mode kModes[] = {{"race", tandem::e2e::RunRace},
                           {"order", tandem::e2e::RunOrder},
                           {"group", tandem::e2e::RunGroup},
                           {"big", tandem::e2e::RunBig}};

std::vector<std::string> Split(std::string_view list) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t comma = list.find(',');
    parts.emplace_back(list.substr(0, comma));
    if (comma == std::string_view::npos) return parts;
    list.remove_prefix(comma + 1);
  }
}

bool Set(StormOptions& options, std::string_view key, const char* value) {
  const auto number = std::strtoull(value, nullptr, 10);
  if (key == "--hosts")
    options.hosts = Split(value);
  else if (key == "--count")
    options.count = number;
  else if (key == "--clients")
    options.clients = number;
  else if (key == "--bytes")
    options.bytes = number;
  else if (key == "--window")
    options.window = number;
  else if (key == "--timeout-ms")
    options.timeout_ms = static_cast<int>(number);
  else
    return false;
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  StormOptions options;
  bool understood = argc >= 2 && argc % 2 == 0;
  for (int i = 2; understood && i < argc; i += 2) understood = Set(options, argv[i], argv[i + 1]);
  if (understood && !options.hosts.empty()) {
    for (const Mode& mode : kModes) {
      if (mode.name != argv[1]) continue;
      mode.run(options);
      return 0;
    }
  }
  std::fprintf(stderr,
               "usage: e2e_storm race|order|group|big --hosts A[,B] [--count N] "
               "[--clients N] [--bytes N] [--window N] [--timeout-ms N]\n");
  return 2;
}
