// A message in the broker: made once, never changed, shared by reference among queues, cores and
// the link.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/base/bytes.h"
#include "engine/base/clock.h"
#include "engine/base/ids.h"
#include "engine/base/intrusive_ptr.h"
#include "proto/mqtt/packet.h"

namespace tandem::broker {

// A block of memory that received data was parsed in, such as a slab of the link. Messages that
// point into it hold it.
class Buffer : public RefCounted<Buffer> {
 public:
  using Deleter = void (*)(Buffer*) noexcept;
  Buffer(std::size_t size, Deleter deleter) noexcept : size_(size), deleter_(deleter) {}
  std::size_t size() const noexcept { return size_; }  // bytes that stay allocated while this lives
  static void Destroy(Buffer* buffer) noexcept { buffer->deleter_(buffer); }

 private:
  std::size_t size_;
  Deleter deleter_;
};
using BufferPtr = IntrusivePtr<Buffer>;

// What a message consists of; the views are copied or adopted by Message.
struct MessageFields {
  std::string_view topic;
  Bytes properties;  // as CopyForwardedProperties leaves them: receivers of MQTT 5 get these bytes
                     // unchanged
  Bytes payload;
  mqtt::QoS qos{};
  bool retain = false;  // the RETAIN flag of the publisher (3.3.1.3)
  MonoNs expires_at =
      kNever;   // on this host's monotonic clock; travels between hosts as remaining time
  Hlc hlc = 0;  // when a node took it from the publisher; orders retained values
  std::uint64_t publisher =
      0;  // StableHash of the publisher's client id, for No Local (3.8.3.1); 0 = none
  MessageId id;
  Buffer* block = nullptr;  // if set, the views stand in it, and a message may hold it
};

class Message final : public RefCounted<Message> {
 public:
  // Holds `fields.block`, where the views stay; without one see Copy.
  static IntrusivePtr<const Message> Create(const MessageFields& fields);
  // One allocation; everything is copied behind the object.
  static IntrusivePtr<const Message> Copy(const MessageFields& fields);

  const MessageFields& fields() const noexcept { return fields_; }
  std::string_view topic() const noexcept { return fields_.topic; }
  Bytes properties() const noexcept { return fields_.properties; }
  Bytes payload() const noexcept { return fields_.payload; }
  mqtt::QoS qos() const noexcept { return fields_.qos; }
  bool retain() const noexcept { return fields_.retain; }
  MonoNs expires_at() const noexcept { return fields_.expires_at; }
  Hlc hlc() const noexcept { return fields_.hlc; }
  std::uint64_t publisher() const noexcept { return fields_.publisher; }
  const MessageId& id() const noexcept { return fields_.id; }

  // What it adds to a queue's byte count: topic, properties and payload.
  std::size_t bytes() const noexcept {
    return fields_.topic.size() + fields_.properties.size() + fields_.payload.size();
  }
  // Memory that stays allocated because of it, the whole block counted.
  std::size_t bytes_held() const noexcept;

  // Before the first reference leaves this core; hides RefCounted's, since the storage goes along.
  void MarkShared() const noexcept {
    RefCounted::MarkShared();
    if (fields_.block != nullptr) fields_.block->MarkShared();
  }

  static void Destroy(Message* message) noexcept;

 private:
  explicit Message(const MessageFields& fields) noexcept;
  ~Message();

  MessageFields fields_;  // without a block the bytes stand behind this object
};
using MessagePtr = IntrusivePtr<const Message>;

// `message` itself, or a copy of its own if it holds on to much more memory than it needs. For what
// will be kept long: retained messages and the queues of absent sessions.
MessagePtr Compacted(MessagePtr message);

}  // namespace tandem::broker
