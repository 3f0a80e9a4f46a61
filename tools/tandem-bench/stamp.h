// What every payload begins with: whose message it is, which one, and when it was to be sent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>

#include "engine/base/bytes.h"
#include "engine/base/clock.h"

namespace tandem::bench {

struct Stamp {
  std::uint32_t publisher = 0;  // its number in the load plan
  std::uint64_t sequence = 0;   // from 0, per publisher
  MonoNs planned_ns = 0;        // open loop: when it was due; closed loop: when it was written

  friend bool operator==(const Stamp&, const Stamp&) = default;
};

// Tells our payloads from others on the same topic.
inline constexpr std::uint32_t kStampMagic = 0x54'44'4d'42;
inline constexpr std::size_t kStampBytes = 24;

// Layout, in the order of this machine's bytes, since the writer is the reader: magic u32,
// publisher u32, sequence u64, planned_ns i64. `out` has kStampBytes.
inline void WriteStamp(const Stamp& stamp, std::uint8_t* out) noexcept {
  std::memcpy(out, &kStampMagic, 4);
  std::memcpy(out + 4, &stamp.publisher, 4);
  std::memcpy(out + 8, &stamp.sequence, 8);
  std::memcpy(out + 16, &stamp.planned_ns, 8);
}

// Nothing if the payload is not one of ours.
inline std::optional<Stamp> ReadStamp(Bytes payload) noexcept {
  if (payload.size() < kStampBytes) return std::nullopt;
  std::uint32_t magic;
  std::memcpy(&magic, payload.data(), 4);
  if (magic != kStampMagic) return std::nullopt;
  Stamp stamp;
  std::memcpy(&stamp.publisher, payload.data() + 4, 4);
  std::memcpy(&stamp.sequence, payload.data() + 8, 8);
  std::memcpy(&stamp.planned_ns, payload.data() + 16, 8);
  return stamp;
}

}  // namespace tandem::bench
