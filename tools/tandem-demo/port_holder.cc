#include "tools/tandem-demo/port_holder.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <vector>

#include "absl/strings/str_cat.h"

namespace tandem::demo {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kListen = "0A";  // TCP_LISTEN of the kernel

std::string ReadFile(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

template <class Number>
std::optional<Number> Parse(std::string_view text, int base) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool HoldsSocket(const fs::path& process, const std::string& socket) {
  std::error_code error;
  for (fs::directory_iterator fd(process / "fd", error), end; !error && fd != end;
       fd.increment(error)) {
    std::error_code gone;
    if (fs::read_symlink(fd->path(), gone) == socket) return true;
  }
  return false;
}

std::string NameOf(std::uint64_t inode) {
  const std::string socket = absl::StrCat("socket:[", inode, "]");
  std::error_code error;
  for (fs::directory_iterator entry("/proc", error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string pid = entry->path().filename();
    if (!Parse<int>(pid, 10) || !HoldsSocket(entry->path(), socket)) continue;
    std::string name = ReadFile(entry->path() / "comm");
    std::erase(name, '\n');
    return absl::StrCat(name, " (pid ", pid, ")");
  }
  return "a process of another user";
}

}  // namespace

std::optional<std::uint64_t> ListeningInode(std::string_view proc_net_tcp, std::uint16_t port) {
  std::istringstream lines{std::string(proc_net_tcp)};
  std::string line;
  while (std::getline(lines, line)) {
    // sl, local address:port, remote, state, queues, timer, retransmits, uid, timeout, inode, ...
    std::istringstream words(line);
    const std::vector<std::string> fields(std::istream_iterator<std::string>(words), {});
    if (fields.size() < 10 || fields[3] != kListen) continue;
    const std::string_view local = fields[1];
    const std::size_t colon = local.rfind(':');
    if (colon == std::string_view::npos) continue;
    if (Parse<std::uint16_t>(local.substr(colon + 1), 16) == port)
      return Parse<std::uint64_t>(fields[9], 10);
  }
  return std::nullopt;
}

std::optional<std::string> PortHolder(std::uint16_t port) {
  for (const char* const table : {"/proc/net/tcp", "/proc/net/tcp6"})
    if (const auto inode = ListeningInode(ReadFile(table), port)) return NameOf(*inode);
  return std::nullopt;
}

}  // namespace tandem::demo
