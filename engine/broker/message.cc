#include "engine/broker/message.h"

#include <cstring>
#include <new>
#include <utility>

#include "engine/base/block_cache.h"

namespace tandem::broker {
namespace {

// A message may keep this many times its own size alive before it is worth a copy.
constexpr std::size_t kHeldFactorMax = 4;

Bytes CopyTo(std::uint8_t*& place, Bytes bytes) noexcept {
  if (!bytes.empty()) std::memcpy(place, bytes.data(), bytes.size());
  const Bytes copy{place, bytes.size()};
  place += bytes.size();
  return copy;
}

}  // namespace

Message::Message(const MessageFields& fields) noexcept : fields_(fields) {
  if (fields_.block != nullptr) fields_.block->AddRef();
}

Message::~Message() {
  if (fields_.block != nullptr) fields_.block->Release();
}

MessagePtr Message::Create(const MessageFields& fields) {
  if (fields.block == nullptr) return Copy(fields);
  void* const memory = BlockCache::Local().Take(sizeof(Message));
  return MessagePtr(new (memory) Message(fields));
}

MessagePtr Message::Copy(const MessageFields& fields) {
  const std::size_t trailing =
      fields.topic.size() + fields.properties.size() + fields.payload.size();
  void* const memory = BlockCache::Local().Take(sizeof(Message) + trailing);
  auto* place = static_cast<std::uint8_t*>(memory) + sizeof(Message);
  MessageFields own = fields;
  own.topic = AsText(CopyTo(place, AsBytes(fields.topic)));
  own.properties = CopyTo(place, fields.properties);
  own.payload = CopyTo(place, fields.payload);
  own.block = nullptr;
  return MessagePtr(new (memory) Message(own));
}

std::size_t Message::bytes_held() const noexcept {
  return sizeof(Message) + (fields_.block != nullptr ? fields_.block->size() : bytes());
}

void Message::Destroy(Message* message) noexcept {
  const std::size_t size =
      sizeof(Message) + (message->fields_.block != nullptr ? 0 : message->bytes());
  message->~Message();
  BlockCache::Local().Give(message, size);
}

MessagePtr Compacted(MessagePtr message) {
  if (message->bytes_held() <= kHeldFactorMax * (message->bytes() + sizeof(Message)))
    return message;
  return Message::Copy(message->fields());
}

}  // namespace tandem::broker
