// A large message, as far as the generator looks at it.
#pragma once

#include <cstddef>

#include "engine/base/byte_buffer.h"
#include "engine/base/bytes.h"
#include "proto/mqtt/decoder.h"

namespace tandem::bench {

// Keeps the head of a PUBLISH and the start of its payload, as a shorter packet of its own, and
// counts the rest, so that the generator copies nothing that it never reads.
class ClippedMessage {
 public:
  static constexpr std::size_t kPacketBytesMin = 16 * 1024;  // shorter ones are kept whole
  static constexpr std::size_t kKeptBytes = 1024;            // after the fixed header

  // `bytes` begin a packet that has not come completely. True: it is clipped, and all of `bytes`
  // was taken. False: it is too short or no PUBLISH, or what we look at is not there yet or is more
  // than we keep.
  bool Begin(Bytes bytes, mqtt::Decoder& decoder);
  // Takes what belongs to the message from the front; returns what does not.
  Bytes Skip(Bytes bytes) noexcept;
  // Begun, and not come completely.
  bool is_coming() const noexcept { return missing_ != 0; }
  // A whole PUBLISH; empty if there is none. Whoever has handled it calls Clear().
  Bytes packet() const noexcept { return kept_.bytes(); }
  void Clear() noexcept;

 private:
  ByteBuffer kept_;
  std::size_t missing_ = 0;
};

}  // namespace tandem::bench
