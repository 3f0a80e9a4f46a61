#include "tools/tandem-bench/process_cpu.h"

#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace tandem::bench {

absl::StatusOr<std::uint64_t> ProcessCpuNs(int pid) {
  const std::string folder = absl::StrCat("/proc/", pid, "/task");
  std::error_code error;
  std::uint64_t total_ns = 0;
  std::filesystem::directory_iterator tasks(folder, error);
  for (; !error && tasks != std::filesystem::directory_iterator(); tasks.increment(error)) {
    std::ifstream file(tasks->path() / "schedstat");
    std::uint64_t run_ns = 0;
    if (file >> run_ns) total_ns += run_ns;  // a thread may end while we look
  }
  if (error) return absl::NotFoundError(absl::StrCat(folder, ": ", error.message()));
  return total_ns;
}

}  // namespace tandem::bench
