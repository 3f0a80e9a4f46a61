// What a shard wants done: effects as data, in the order of their happening. The core executes them
// after each event (or the simulator does); the shard itself touches no socket.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/byte_buffer.h"
#include "engine/base/ids.h"
#include "engine/broker/core_effects.h"
#include "engine/broker/message.h"
#include "engine/broker/peer_record.h"
#include "engine/metrics/broker_metrics.h"
#include "proto/mqtt/packet.h"

namespace tandem::broker {

// Bytes for one connection: a range of Outbox::bytes, then perhaps a payload.
struct SendEffect {
  ConnectionId connection{};
  std::uint32_t offset = 0;  // into Outbox::bytes
  std::uint32_t size = 0;
  std::uint32_t id_offset =
      0;  // from the start of the range: where the packet id's two bytes go; 0 = none
  std::uint16_t packet_id = 0;
  const Message* payload =
      nullptr;  // its payload follows; held by Outbox::held until the effects are done

  bool IsFollowedBy(ConnectionId next, std::size_t next_offset) const noexcept {
    return connection == next && next_offset == std::size_t{offset} + size && payload == nullptr;
  }
};

struct ConnectionEffect {
  enum class Kind : std::uint8_t {
    kSend,   // `send` is the index of a SendEffect
    kClose,  // after what was sent before; `reset` drops it instead
    kPause,  // read no more from it: it is ahead of what we can take
    kResume,
    kHold,  // hand out no more packets until kRelease: its CONNECT is being decided
    kRelease,
  };
  Kind kind{};
  bool reset = false;
  std::uint32_t send = 0;
  ConnectionId connection{};
};

struct RecordEffect {
  RecordEffect(std::uint64_t its_number, PeerRecord&& its_record)
      : number(its_number), record(std::move(its_record)) {}
  std::uint64_t number = 0;
  PeerRecord record;
};
struct AcknowledgeEffect {
  CoreId stream{};
  std::uint64_t number = 0;
};

// A line of the access log. Texts are only filled when the access log is on.
struct AccessEvent {
  enum class Kind : std::uint8_t { kConnect, kRefuse, kDisconnect, kSubscribe, kUnsubscribe };
  Kind kind{};
  ConnectionId connection{};
  std::string client_id;
  std::string filter;  // subscribe, unsubscribe
  mqtt::Version version{};
  mqtt::ReasonCode code{};
  metrics::CloseReason reason{};  // disconnect
  bool session_present = false;   // connect
  std::string detail;
};

struct Outbox {
  ByteBuffer bytes;
  std::vector<SendEffect> sends;
  std::vector<ConnectionEffect> connections;
  std::vector<MessagePtr> held;  // what payload pointers above refer to
  CoreEffects cores;
  std::vector<RecordEffect> records;
  std::vector<AcknowledgeEffect> acknowledgements;
  std::vector<AccessEvent> access;
  std::uint64_t generation = 0;  // counts Clear(): offsets into `bytes` are good within one
  // Pauses or holds some connection: hand no more of its packets to the shard before that.
  bool pauses = false;

  void Pause(ConnectionId id) {
    connections.push_back({.kind = ConnectionEffect::Kind::kPause, .connection = id});
    pauses = true;
  }

  bool empty() const noexcept {
    return connections.empty() && cores.empty() && records.empty() && acknowledgements.empty() &&
           access.empty();
  }
  // Forgets everything, keeps the memory.
  void Clear() {
    bytes.Clear();
    sends.clear();
    connections.clear();
    held.clear();
    cores.clear();
    records.clear();
    acknowledgements.clear();
    access.clear();
    pauses = false;
    ++generation;
  }
};

}  // namespace tandem::broker
