#include "engine/broker/message.h"

#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "engine/base/check.h"

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

Message::Message(const MessageFields& fields, BufferPtr storage) noexcept
    : fields_(fields), storage_(std::move(storage)) {}

MessagePtr Message::Create(const MessageFields& fields) {
  const std::size_t trailing =
      fields.topic.size() + fields.properties.size() + fields.payload.size();
  void* const memory = std::malloc(sizeof(Message) + trailing);
  TANDEM_CHECK_MSG(memory != nullptr, "out of memory");
  auto* place = static_cast<std::uint8_t*>(memory) + sizeof(Message);
  MessageFields own = fields;
  own.topic = AsText(CopyTo(place, AsBytes(fields.topic)));
  own.properties = CopyTo(place, fields.properties);
  own.payload = CopyTo(place, fields.payload);
  return MessagePtr(new (memory) Message(own, BufferPtr()));
}

MessagePtr Message::Adopt(const MessageFields& fields, BufferPtr storage) {
  void* const memory = std::malloc(sizeof(Message));
  TANDEM_CHECK_MSG(memory != nullptr, "out of memory");
  return MessagePtr(new (memory) Message(fields, std::move(storage)));
}

std::size_t Message::bytes_held() const noexcept {
  return sizeof(Message) + (storage_ ? storage_->size() : bytes());
}

void Message::Destroy(Message* message) noexcept {
  message->~Message();
  std::free(message);
}

MessagePtr Compacted(MessagePtr message) {
  if (message->bytes_held() <= kHeldFactorMax * (message->bytes() + sizeof(Message)))
    return message;
  return Message::Create(message->fields());
}

}  // namespace tandem::broker
