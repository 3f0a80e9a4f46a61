// Messages to the sessions of this core: straight to the wire, into the queue, or dropped by rule.
#pragma once

#include <cstdint>
#include <span>

#include "absl/functional/any_invocable.h"
#include "engine/broker/publish_sender.h"
#include "engine/broker/session.h"
#include "engine/broker/shard_context.h"

namespace tandem::broker {

// One per shard.
class Delivery {
 public:
  explicit Delivery(ShardContext& context) noexcept : context_(context), sender_(context) {}

  struct Form {
    mqtt::QoS qos{};  // already the lower one of publish and subscription
    bool retain = false;
    bool stored = false;  // comes from the retained messages, not from a publisher just now
    std::span<const std::uint32_t> identifiers;  // Subscription Identifiers, none 0
    IntrusivePtr<SharedKey> group;               // set if the session was chosen as a member
  };

  void BeginRouting() noexcept { sender_.ForgetFrames(); }

  // QoS 0: to the connection if there is one that keeps up. QoS 1 and 2: into the queue, and on to
  // the connection as far as Receive Maximum and its bytes allow. False if the queue's bound says
  // that the session's connection must be closed.
  bool Deliver(Session& session, RoutedMessage& message, const Form& form);

  // Sends from the queue what the connection can take. Call it when acknowledgements or sent bytes
  // made room.
  void Pump(Session& session);

 private:
  bool MakeRoom(Session& session, std::size_t bytes);
  void CountDropped(metrics::DropReason reason, const OutboundMessage& message);
  void SendQueued(Session& session, Client& client);
  bool SendNext(Session& session, Client& client, OutboundMessage& next);

  ShardContext& context_;
  PublishSender sender_;
};

}  // namespace tandem::broker
