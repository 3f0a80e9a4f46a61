// PUBLISH packets to subscribers, encoded once per form and shared among all who get the same one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/broker/message.h"
#include "engine/broker/shard_context.h"
#include "proto/mqtt/encoder.h"

namespace tandem::broker {

// A message on its way through one routing. The object on the heap is made only if somebody has to
// keep it: a queue, another core, the other node. `fields` outlives this.
class RoutedMessage {
 public:
  explicit RoutedMessage(const MessageFields& fields) noexcept : fields_(&fields) {}
  explicit RoutedMessage(MessagePtr message) noexcept
      : fields_(&message->fields()), message_(std::move(message)) {}

  const MessageFields& fields() const noexcept { return *fields_; }
  const MessagePtr& Share() {
    if (!message_) message_ = Message::Create(*fields_);
    return message_;
  }
  bool shared() const noexcept { return static_cast<bool>(message_); }

 private:
  const MessageFields* fields_;
  MessagePtr message_;
};

// One per shard. A frame lives in the outbox, so it is shared within one event only.
class PublishSender {
 public:
  explicit PublishSender(ShardContext& context) noexcept : context_(context) {}

  struct Form {
    mqtt::QoS qos{};
    bool retain = false;
    bool dup = false;
    mqtt::PacketId packet_id = mqtt::kNoPacketId;
    std::span<const std::uint32_t> identifiers;
  };

  // Sends to `client`. False, and nothing is sent, if the packet would exceed the client's Maximum
  // Packet Size [MQTT-3.1.2-24].
  bool Send(Client& client, RoutedMessage& message, const Form& form);

  // Whether Send would send it.
  bool Fits(const Client& client, const MessageFields& fields, const Form& form);

  // At the start of each routing: the fields of another message may stand at the same address.
  void ForgetFrames() noexcept {
    current_ = nullptr;
    if (current_message_) current_message_ = MessagePtr();
    encoded_ = 0;
  }

 private:
  // Head and, if small, payload of one form.
  struct Frame {
    std::uint32_t offset = 0;
    std::uint32_t size = 0;          // in the outbox
    std::uint32_t packet_bytes = 0;  // with the payload
    std::uint32_t id_offset = 0;
    const Message* payload = nullptr;
  };
  static constexpr std::size_t kForms = 2 * 3 * 2;  // 3.x or 5, QoS, RETAIN

  mqtt::PublishHead HeadOf(mqtt::Version version, const MessageFields& fields,
                           const Form& form) const;
  Frame Encode(mqtt::Version version, RoutedMessage& message, const Form& form);

  ShardContext& context_;
  std::uint64_t generation_ = 0;            // of the outbox that the frames are in
  const MessageFields* current_ = nullptr;  // whose frames these are
  MessagePtr current_message_;              // keeps it where it is
  std::array<Frame, kForms> frames_;
  std::uint32_t encoded_ = 0;  // bit = index in frames_: there is something to forget
};

}  // namespace tandem::broker
