#include "cluster/framing.h"

#include "absl/strings/str_cat.h"

namespace tandem::cluster {
namespace {

constexpr std::size_t kWordBytes = 8;

std::uint32_t ReadU32(Bytes in, std::size_t offset) noexcept {
  return static_cast<std::uint32_t>(in[offset]) | static_cast<std::uint32_t>(in[offset + 1]) << 8 |
         static_cast<std::uint32_t>(in[offset + 2]) << 16 |
         static_cast<std::uint32_t>(in[offset + 3]) << 24;
}

}  // namespace

absl::StatusOr<std::size_t> FrameBytes(Bytes in, const FrameLimits& limits) {
  if (in.size() < kWordBytes) return kWordBytes;
  const std::uint64_t segments = std::uint64_t{ReadU32(in, 0)} + 1;
  if (segments > limits.segments_max)
    return absl::InvalidArgumentError("a frame with too many segments");
  const std::size_t table =
      (4 + 4 * static_cast<std::size_t>(segments) + kWordBytes - 1) / kWordBytes * kWordBytes;
  if (in.size() < table) return table;
  std::uint64_t bytes = table;
  for (std::size_t segment = 0; segment < segments; ++segment) {
    bytes += std::uint64_t{ReadU32(in, 4 + 4 * segment)} * kWordBytes;
  }
  if (bytes > limits.bytes_max)
    return absl::InvalidArgumentError(absl::StrCat("a frame of ", bytes, " bytes"));
  return static_cast<std::size_t>(bytes);
}

}  // namespace tandem::cluster
