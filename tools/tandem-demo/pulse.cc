#include "tools/tandem-demo/pulse.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "engine/base/check.h"

namespace tandem::demo {

Pulse::Pulse() : fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) { TANDEM_CHECK(fd_.valid()); }

void Pulse::Beat() noexcept {
  const std::uint64_t one = 1;  // fails only if the counter is full: then a beat is pending anyway
  [[maybe_unused]] const auto written = write(fd_.get(), &one, sizeof one);
}

void Pulse::Clear() noexcept {
  std::uint64_t beats = 0;
  [[maybe_unused]] const auto got = read(fd_.get(), &beats, sizeof beats);
}

}  // namespace tandem::demo
