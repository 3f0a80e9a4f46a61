// Memory that a loop touches all the time: mapped at once, faulted in at start, in huge pages where
// possible.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/status/statusor.h"

namespace tandem::reactor {

enum class HugePages : std::uint8_t {
  kOff,      // ordinary pages
  kTry,      // reserved huge pages, else transparent ones, else ordinary
  kRequire,  // reserved huge pages, or an error
};

// A mapping, zeroed and present. Owns it; move-only.
class PinnedMemory {
 public:
  PinnedMemory() = default;
  PinnedMemory(PinnedMemory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        mapped_bytes_(std::exchange(other.mapped_bytes_, 0)),
        huge_(other.huge_) {}
  PinnedMemory& operator=(PinnedMemory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(mapped_bytes_, other.mapped_bytes_);
    std::swap(huge_, other.huge_);
    return *this;
  }
  ~PinnedMemory();

  // `bytes` > 0, rounded up to whole pages; starts on a page (a huge one unless kOff and small).
  // ResourceExhausted with the remedy if kRequire cannot be had, or without memory.
  static absl::StatusOr<PinnedMemory> Map(std::size_t bytes, HugePages huge_pages);

  std::uint8_t* data() const noexcept { return data_; }
  // True if the memory lies in reserved huge pages; transparent ones are the kernel's secret.
  bool huge() const noexcept { return huge_; }

 private:
  PinnedMemory(std::uint8_t* data, std::size_t mapped_bytes, bool huge)
      : data_(data), mapped_bytes_(mapped_bytes), huge_(huge) {}

  std::uint8_t* data_ = nullptr;
  std::size_t mapped_bytes_ = 0;
  bool huge_ = false;
};

}  // namespace tandem::reactor
