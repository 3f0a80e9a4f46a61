// A configuration file of any content, with command-line settings behind it: either it is good, or
// every problem has a reason. Input: settings, one per line, then "---" on a line, then the file.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "engine/base/check.h"
#include "engine/node/config/load.h"

namespace {

// The file, in memory; there is one for the life of the program, since each input replaces it
// whole.
int FileWith(std::string_view text) {
  static const int fd = memfd_create("tandem.toml", MFD_CLOEXEC);
  TANDEM_CHECK(fd >= 0 && ftruncate(fd, 0) == 0);
  TANDEM_CHECK(pwrite(fd, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
  return fd;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tandem::config;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  Sources sources;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line == "---") break;
    sources.sets.emplace_back(line);
  }
  sources.file = "/proc/self/fd/" + std::to_string(FileWith(rest));
  const LoadResult result = Load(sources);
  for (const Problem& problem : result.problems) TANDEM_CHECK(!problem.reason.empty());
  return 0;
}
