// The bytes of one large packet, gathered from several receives. The message that is made of it
// holds them as they are.
#pragma once

#include <utility>

#include "engine/base/byte_buffer.h"
#include "engine/broker/message.h"

namespace tandem::net {

class GatheredPacket final : public broker::Buffer {
 public:
  // From this size on: the object costs more than a shorter copy.
  static constexpr std::size_t kBytesMin = 16 * 1024;

  static IntrusivePtr<GatheredPacket> Hold(ByteBuffer bytes) {
    return IntrusivePtr<GatheredPacket>(new GatheredPacket(std::move(bytes)));
  }
  Bytes bytes() const noexcept { return bytes_.bytes(); }

 private:
  explicit GatheredPacket(ByteBuffer bytes) noexcept
      : Buffer(bytes.capacity(), &Drop), bytes_(std::move(bytes)) {}
  static void Drop(Buffer* buffer) noexcept { delete static_cast<GatheredPacket*>(buffer); }

  ByteBuffer bytes_;
};

}  // namespace tandem::net
