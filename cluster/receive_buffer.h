// Where a link receives: aligned slabs in which frames are parsed in place, and which live on as
// long as a message points into them.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "cluster/framing.h"
#include "engine/base/bytes.h"
#include "engine/broker/message.h"

namespace tandem::cluster {

// One per connection, on its core. Received bytes go to Space(); Next() yields whole frames. An
// incomplete frame is copied only when its slab is full. Slabs are counted atomically from the
// start, because messages that hold them travel.
class ReceiveBuffer {
 public:
  // Small enough to stay in the second-level cache while it is filled and parsed over and over, and
  // to bound what one kept message can hold on to. A larger frame gets a slab of its own size.
  static constexpr std::size_t kSlabBytes = 256 * 1024;

  struct Frame {
    Bytes bytes;             // 8-byte aligned
    broker::BufferPtr slab;  // holds `bytes`
  };

  explicit ReceiveBuffer(const FrameLimits& limits) : limits_(limits) {}

  // Room for the next receive, never empty. With `exact`, it ends where the frame that has begun
  // ends, as far as known, so that nothing behind it is taken from the connection. Valid until the
  // next Filled.
  MutableBytes Space(bool exact);
  void Filled(std::size_t bytes);
  // The next whole frame; nothing if it is not there yet; an error if it breaks a limit.
  absl::StatusOr<std::optional<Frame>> Next();
  // A frame has begun and is not complete.
  bool partial() const noexcept { return parsed_ != filled_; }
  // From now on frames may be of another kind. Only between frames.
  void SetLimits(const FrameLimits& limits);

  std::uint64_t bytes_moved() const noexcept { return bytes_moved_; }

 private:
  std::uint8_t* base() const noexcept;
  std::size_t capacity() const noexcept;
  void Renew(std::size_t needed);
  broker::BufferPtr TakeSlab(std::size_t capacity);

  FrameLimits limits_;
  broker::BufferPtr slab_;
  std::vector<broker::BufferPtr>
      pool_;                // slabs of the standard size, some of them in use elsewhere
  std::size_t parsed_ = 0;  // offsets in slab_
  std::size_t filled_ = 0;
  std::size_t needed_ = 8;  // of the frame at parsed_
  std::uint64_t bytes_moved_ = 0;
};

}  // namespace tandem::cluster
