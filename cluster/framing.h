// The standard stream framing of Cap'n Proto: a table of segment sizes, then the segments. Here
// only to find out how long a frame is, without trusting it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "engine/base/bytes.h"

namespace tandem::cluster {

struct FrameLimits {
  std::size_t bytes_max = 0;  // table and segments
  std::uint32_t segments_max = 510;
};

// Frames of the handshake, from somebody unknown.
inline constexpr FrameLimits kHandshakeFrame{.bytes_max = 4096, .segments_max = 1};
// Frames of a control connection.
inline constexpr FrameLimits kControlFrame{.bytes_max = 64 * 1024};
// Frames of a lane: the largest MQTT packet in a batch of its own, and what goes with it. More
// segments than 510 our own sender never makes, and the RPC library would fail on them.
inline constexpr FrameLimits kLaneFrame{.bytes_max = 272 * 1024 * 1024};

// How many bytes the frame at the start of `in` must have, judging by what is there: at least 8,
// and more than in.size() if it is not complete. Exact once in.size() covers the table. An error if
// it breaks a limit.
absl::StatusOr<std::size_t> FrameBytes(Bytes in, const FrameLimits& limits);

}  // namespace tandem::cluster
