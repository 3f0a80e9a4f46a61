#include "engine/broker/route_batch.h"

#include <new>
#include <utility>

#include "engine/base/block_cache.h"
#include "engine/base/check.h"

// A prefetch to write takes the line from the other core at once: an instruction that x86-64 has or
// ignores, and compilers use when told so.
#if defined(__x86_64__)
#define TANDEM_OWNS_WHAT_IT_PREFETCHES __attribute__((target("prfchw")))
#else
#define TANDEM_OWNS_WHAT_IT_PREFETCHES
#endif

namespace tandem::broker {
namespace {

std::byte* Append(std::byte* place, Bytes bytes) noexcept {
  if (!bytes.empty()) std::memcpy(place, bytes.data(), bytes.size());
  return place + bytes.size();
}

}  // namespace

RouteBatch::RouteBatch(const RouteTerms& terms, const MessageFields& fields)
    : block_(new (BlockCache::Local().Take(kBlockBytes))
                 Block{.terms = terms, .last_message = fields.id}) {
  TANDEM_CHECK(IsSmall(fields));
  Write(terms.origin.number, fields);
}

void RouteBatch::GiveBack::operator()(Block* block) const noexcept {
  while (block != nullptr) BlockCache::Local().Give(std::exchange(block, block->next), kBlockBytes);
}

TANDEM_OWNS_WHAT_IT_PREFETCHES
void RouteBatch::Write(std::uint64_t origin, const MessageFields& fields) noexcept {
  Block& block = *block_;
  const Head head = {.hlc = fields.hlc,
                     .publisher = fields.publisher,
                     .number = fields.id.number,
                     .topic_bytes = static_cast<std::uint16_t>(fields.topic.size()),
                     .property_bytes = static_cast<std::uint16_t>(fields.properties.size()),
                     .payload_bytes = static_cast<std::uint16_t>(fields.payload.size()),
                     .qos = fields.qos,
                     .retain = fields.retain,
                     .expires = fields.expires_at != kNever};
  std::byte* const begin = block.bytes() + block.used_bytes;
  // They lie in the cache of the core that read the block before, and come while others are
  // written.
  __builtin_prefetch(begin + kWantedBytes, 1);
  __builtin_prefetch(begin + kWantedBytes + kCacheLineBytes, 1);
  std::memcpy(begin, &head, sizeof head);
  std::byte* end = begin + sizeof head;
  if (head.expires) {
    std::memcpy(end, &fields.expires_at, sizeof fields.expires_at);
    end += sizeof fields.expires_at;
  }
  end = Append(end, AsBytes(fields.topic));
  end = Append(end, fields.properties);
  end = Append(end, fields.payload);
  block.used_bytes += static_cast<std::uint32_t>(end - begin);
  ++block.messages;
  block.last_message.number = fields.id.number;
  block.parts = origin == block.terms.origin.number ? block.parts + 1 : 1;
  block.terms.origin.number = origin;
}

}  // namespace tandem::broker
