#include "engine/broker/route_batch.h"

#include <new>
#include <utility>

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
  while (block != nullptr) BlockCache::Local().Give(std::exchange(block, block->next), kBlockBytes);
}

bool RouteBatch::TryAdd(const RouteTerms& terms, const MessageFields& fields) {
  const RouteTerms& own = block_->terms;
  const MessageId& last = block_->last_message;
  const std::size_t bytes = sizeof(Head) + sizeof(MonoNs) + fields.topic.size() +
                            fields.properties.size() + fields.payload.size();
  const bool fits = bytes <= kBytesMax - block_->used_bytes && terms.read_at == own.read_at &&
                    terms.origin.epoch == own.origin.epoch &&
                    terms.origin.stream == own.origin.stream && terms.unasked == own.unasked &&
                    terms.epoch == own.epoch && terms.crosses == own.crosses &&
                    terms.steps_alone == own.steps_alone && fields.id.node == last.node &&
                    fields.id.core == last.core && fields.id.incarnation == last.incarnation;
  if (fits) Write(terms.origin, fields);
  return fits;
}

void RouteBatch::Write(const PeerOrigin& origin, const MessageFields& fields) noexcept {
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
  block.last_message = fields.id;
  block.parts = origin.number == block.terms.origin.number ? block.parts + 1 : 1;
  block.terms.origin.number = origin.number;
}

}  // namespace tandem::broker
