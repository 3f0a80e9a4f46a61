// The bytes of one large packet, gathered from several receives. The message that is made of it
// holds them as they are.
#pragma once

#include <new>
#include <utility>

#include "engine/base/block_cache.h"
#include "engine/base/byte_buffer.h"
#include "engine/broker/message.h"

namespace tandem::net {

class GatheredPacket final : public broker::Buffer {
 public:
  // From this size on: the object costs more than a shorter copy.
  static constexpr std::size_t kBytesMin = 16 * 1024;

  static IntrusivePtr<GatheredPacket> Hold(ByteBuffer bytes) {
    void* const memory = BlockCache::Local().Take(sizeof(GatheredPacket));
    return IntrusivePtr<GatheredPacket>(new (memory) GatheredPacket(std::move(bytes)));
  }
  Bytes bytes() const noexcept { return bytes_.bytes(); }

 private:
  explicit GatheredPacket(ByteBuffer bytes) noexcept
      : Buffer(bytes.capacity(), &Drop), bytes_(std::move(bytes)) {}
  static void Drop(Buffer* buffer) noexcept {
    auto* const packet = static_cast<GatheredPacket*>(buffer);
    packet->~GatheredPacket();
    BlockCache::Local().Give(packet, sizeof(GatheredPacket));
  }

  ByteBuffer bytes_;
};

}  // namespace tandem::net
