// What travels between the cores of a node.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <variant>

#include "absl/functional/any_invocable.h"
#include "engine/base/byte_buffer.h"
#include "engine/broker/admission.h"
#include "engine/broker/core_message.h"
#include "engine/reactor/mailbox.h"
#include "engine/reactor/transport.h"

namespace tandem::node {

// A client whose CONNECT says that its home is the receiving core: its stream, and the bytes read
// so far.
struct MovedClient {
  std::unique_ptr<reactor::Handoff> handoff;
  ByteBuffer bytes;
  std::uint32_t listener = 0;
  reactor::Endpoint peer;
  broker::Admission admission{};
};

// Something to run on the receiving core. Rare: handshakes of the cluster, operators' wishes.
using Task = absl::AnyInvocable<void()>;

using Mail = std::variant<broker::CoreMessage, MovedClient, Task>;

// What a piece of mail keeps in memory, in bytes; payloads that it shares count in full.
struct MailBytes {
  std::size_t operator()(const Mail& mail) const noexcept {
    const auto* const message = std::get_if<broker::CoreMessage>(&mail);
    if (message == nullptr) return sizeof mail;
    if (const auto* const routed = std::get_if<broker::RouteMessage>(message))
      return sizeof mail + routed->message->bytes();
    if (std::holds_alternative<broker::RouteBatch>(*message))
      return sizeof mail + broker::RouteBatch::kBlockBytes;
    if (const auto* const emptied = std::get_if<broker::EmptiedBatches>(message))
      return sizeof mail + emptied->count() * broker::RouteBatch::kBlockBytes;
    if (const auto* const retained = std::get_if<broker::RetainMessage>(message))
      return sizeof mail + retained->message->bytes();
    return sizeof mail;
  }
};
using CoreMailbox = reactor::Mailbox<Mail, MailBytes>;

}  // namespace tandem::node
