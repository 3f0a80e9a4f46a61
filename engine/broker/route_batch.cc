#include "engine/broker/route_batch.h"

#include <new>

#include "engine/base/block_cache.h"
#include "engine/base/check.h"

namespace tandem::broker {
namespace {

std::byte* Append(std::byte* place, Bytes bytes) noexcept {
  if (!bytes.empty()) std::memcpy(place, bytes.data(), bytes.size());
  return place + bytes.size();
}

}  // namespace

RouteBatch::RouteBatch(const RouteTerms& terms, const MessageFields& fields)
    : block_(new (BlockCache::Local().Take(kBlockBytes)) Block{.terms = terms}) {
  TANDEM_CHECK(IsSmall(fields));
  Write(terms.origin, fields);
}

void RouteBatch::GiveBack::operator()(Block* block) const noexcept {
  BlockCache::Local().Give(block, kBlockBytes);
}

bool RouteBatch::TryAdd(const RouteTerms& terms, const MessageFields& fields) {
  const RouteTerms& own = block_->terms;
  const std::size_t bytes =
      sizeof(Head) + fields.topic.size() + fields.properties.size() + fields.payload.size();
  const bool fits = bytes <= kBytesMax - block_->used_bytes && terms.read_at == own.read_at &&
                    terms.origin.epoch == own.origin.epoch &&
                    terms.origin.stream == own.origin.stream && terms.unasked == own.unasked &&
                    terms.epoch == own.epoch && terms.crosses == own.crosses &&
                    terms.steps_alone == own.steps_alone;
  if (fits) Write(terms.origin, fields);
  return fits;
}

void RouteBatch::Write(const PeerOrigin& origin, const MessageFields& fields) noexcept {
  Block& block = *block_;
  const Head head = {.expires_at = fields.expires_at,
                     .hlc = fields.hlc,
                     .publisher = fields.publisher,
                     .id = fields.id,
                     .topic_bytes = static_cast<std::uint32_t>(fields.topic.size()),
                     .property_bytes = static_cast<std::uint32_t>(fields.properties.size()),
                     .payload_bytes = static_cast<std::uint32_t>(fields.payload.size()),
                     .qos = fields.qos,
                     .retain = fields.retain};
  std::byte* const begin = block.bytes() + block.used_bytes;
  std::memcpy(begin, &head, sizeof head);
  std::byte* end = begin + sizeof head;
  end = Append(end, AsBytes(fields.topic));
  end = Append(end, fields.properties);
  end = Append(end, fields.payload);
  block.used_bytes += static_cast<std::uint32_t>(end - begin);
  ++block.messages;
  block.last_message = fields.id;
  block.parts = origin.number == block.terms.origin.number ? block.parts + 1 : 1;
  block.terms.origin.number = origin.number;
}

}  // namespace tandem::broker
