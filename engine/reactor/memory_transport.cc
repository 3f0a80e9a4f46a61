#include "engine/reactor/memory_transport.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "engine/base/check.h"
#include "engine/base/status.h"

namespace tandem::reactor {

struct MemoryTransport::Connection {
  ConnectionId id = kNoConnection;
  State state = State::kOpen;
  ReceiveMode mode = ReceiveMode::kLent;
  std::shared_ptr<MemoryEnd> end;
  bool looked_for = false;  // stands in to_look_at_
  bool closed_by_owner = false;
  bool paused = false;
  std::optional<CloseReason> reason;
  // Said with the next event.
  std::optional<ListenerId> accepted_by;
  std::optional<absl::Status> connected;

  std::vector<Fragment> sending;  // what is left of the send in flight
  bool send_pending = false;
  MutableBytes direct;  // of the Receive() that waits
};

namespace {

struct MemoryHandoff final : Handoff {
  std::shared_ptr<MemoryEnd> end;
  ReceiveMode mode = ReceiveMode::kLent;
};

}  // namespace

MemoryTransport::MemoryTransport(MemoryNetwork& network, const MemoryTransportOptions& options)
    : network_(network), options_(options) {}

MemoryTransport::~MemoryTransport() {
  for (std::uint32_t i = 0; i < listeners_.size(); ++i) StopListening(ListenerId{i});
}

absl::StatusOr<ListenerId> MemoryTransport::Listen(const ListenOptions& options) {
  const ListenerId id{static_cast<std::uint32_t>(listeners_.size())};
  Listener listener;
  TANDEM_ASSIGN_OR_RETURN(
      listener.endpoint,
      network_.Listen(options.endpoint, options.reuse_port, listener.key,
                      [this, id, mode = options.receive_mode](std::shared_ptr<MemoryEnd> end) {
                        Accept(id, mode, std::move(end));
                      }));
  listeners_.push_back(std::move(listener));
  return id;
}

void MemoryTransport::StopListening(ListenerId id) {
  Listener& listener = listeners_.at(static_cast<std::size_t>(id));
  if (!std::exchange(listener.stopped, true)) network_.StopListening(listener.key);
}

Endpoint MemoryTransport::LocalEndpoint(ListenerId id) {
  return listeners_.at(static_cast<std::size_t>(id)).endpoint;
}

void MemoryTransport::Accept(ListenerId listener, ReceiveMode mode,
                             std::shared_ptr<MemoryEnd> end) {
  const std::shared_ptr<Connection> connection = Allocate(mode);
  connection->accepted_by = listener;
  AttachEnd(*connection, std::move(end));
}

absl::StatusOr<ConnectionId> MemoryTransport::Connect(const ConnectOptions& options) {
  const std::shared_ptr<Connection> connection = Allocate(options.receive_mode);
  connection->state = State::kConnecting;
  const std::string host = options.local_host.empty() ? "127.0.0.1" : options.local_host;
  network_.Connect(
      network_.AnyLocalEndpoint(host), options.remote,
      [this, weak = std::weak_ptr(connection)](absl::StatusOr<std::shared_ptr<MemoryEnd>> result) {
        const auto connecting = weak.lock();
        if (connecting == nullptr || connecting->state != State::kConnecting) return;
        connecting->connected = result.status();
        if (result.ok()) {
          connecting->state = State::kOpen;
          AttachEnd(*connecting, *std::move(result));
        } else {
          End(*connecting, CloseReason::kFailed);
        }
      });
  return connection->id;
}

std::shared_ptr<MemoryTransport::Connection> MemoryTransport::Allocate(ReceiveMode mode) {
  if (free_slots_.empty()) {
    free_slots_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.emplace_back();
    generations_.push_back(1);
  }
  const std::uint32_t slot = free_slots_.front();
  free_slots_.pop_front();
  auto connection = std::make_shared<Connection>();
  connection->id = ConnectionId{std::uint64_t{generations_[slot]} << 32 | slot};
  connection->mode = mode;
  slots_[slot] = connection;
  return connection;
}

void MemoryTransport::Free(Connection& connection) {
  const auto slot = static_cast<std::uint32_t>(static_cast<std::uint64_t>(connection.id));
  ++generations_[slot];
  free_slots_.push_back(slot);
  slots_[slot] = nullptr;
}

MemoryTransport::Connection* MemoryTransport::Find(ConnectionId id) {
  const auto slot = static_cast<std::uint32_t>(static_cast<std::uint64_t>(id));
  if (slot >= slots_.size() || slots_[slot] == nullptr || slots_[slot]->id != id) return nullptr;
  return slots_[slot].get();
}

void MemoryTransport::AttachEnd(Connection& connection, std::shared_ptr<MemoryEnd> end) {
  connection.end = std::move(end);
  const auto slot = static_cast<std::uint32_t>(static_cast<std::uint64_t>(connection.id));
  connection.end->OnChange([this, weak = std::weak_ptr(slots_[slot])] {
    const auto changed = weak.lock();
    if (changed == nullptr) return;
    if (changed->send_pending) PushSend(*changed);
    Look(*changed);
  });
  Look(connection);
}

void MemoryTransport::Look(Connection& connection) {
  if (std::exchange(connection.looked_for, true)) return;
  to_look_at_.push_back(connection.id);
}

void MemoryTransport::Send(ConnectionId id, std::span<const Fragment> fragments, SentNotice) {
  Connection* const connection = Find(id);
  if (connection == nullptr) return;
  TANDEM_CHECK_MSG(!connection->closed_by_owner, "Send after Close");
  TANDEM_CHECK_MSG(!connection->send_pending, "Send before OnSent of the last one");
  TANDEM_CHECK_MSG(!fragments.empty() && fragments.size() <= kFragmentsMax,
                   "Send of none or too many fragments");
  if (connection->state == State::kEnded) return;
  TANDEM_CHECK_MSG(connection->state == State::kOpen, "Send on a connection that is not open");
  for (const Fragment& fragment : fragments)
    TANDEM_CHECK_MSG(fragment.size != 0, "Send of an empty fragment");
  connection->send_pending = true;
  connection->sending.assign(fragments.begin(), fragments.end());
  to_send_.push_back(id);
}

void MemoryTransport::Submit() {
  for (const ConnectionId id : std::exchange(to_send_, {})) {
    if (Connection* const connection = Find(id);
        connection != nullptr && connection->end != nullptr) {
      PushSend(*connection);
    }
  }
}

// Hands over what the stream has room for.
void MemoryTransport::PushSend(Connection& connection) {
  // Before Submit() nothing leaves.
  if (std::find(to_send_.begin(), to_send_.end(), connection.id) != to_send_.end()) return;
  auto fragment = connection.sending.begin();
  while (fragment != connection.sending.end()) {
    const std::size_t count = connection.end->Write({fragment->data, fragment->size});
    fragment->data += count;
    fragment->size -= count;
    if (fragment->size != 0) break;
    ++fragment;
  }
  connection.sending.erase(connection.sending.begin(), fragment);
  if (connection.sending.empty()) Look(connection);
}

void MemoryTransport::Release(const ReceivedSlice& slice) {
  TANDEM_CHECK_MSG(leases_.erase(slice.lease) == 1, "a slice was released twice");
  for (const ConnectionId id : std::exchange(starved_, {})) {
    if (Connection* const connection = Find(id); connection != nullptr) Look(*connection);
  }
}

void MemoryTransport::Receive(ConnectionId id, MutableBytes memory) {
  Connection* const connection = Find(id);
  if (connection == nullptr || connection->state != State::kOpen) return;
  TANDEM_CHECK_MSG(connection->mode == ReceiveMode::kDirect, "Receive on a connection that lends");
  TANDEM_CHECK_MSG(connection->direct.empty(), "Receive before the last one has answered");
  TANDEM_CHECK_MSG(!memory.empty(), "Receive into nothing");
  connection->direct = memory;
  Look(*connection);
}

void MemoryTransport::PauseReceive(ConnectionId id) {
  if (Connection* const connection = Find(id); connection != nullptr) connection->paused = true;
}

void MemoryTransport::ResumeReceive(ConnectionId id) {
  Connection* const connection = Find(id);
  if (connection == nullptr) return;
  connection->paused = false;
  Look(*connection);
}

void MemoryTransport::Detach(ConnectionId id) {
  Connection* const connection = Find(id);
  if (connection == nullptr || connection->state != State::kOpen) return;
  TANDEM_CHECK_MSG(!connection->send_pending, "Detach with a send in flight");
  connection->state = State::kDetaching;
  Look(*connection);
}

ConnectionId MemoryTransport::Adopt(std::unique_ptr<Handoff> handoff) {
  auto* const memory_handoff = dynamic_cast<MemoryHandoff*>(handoff.get());
  TANDEM_CHECK_MSG(memory_handoff != nullptr, "a handoff of another kind of transport, or none");
  const std::shared_ptr<Connection> connection = Allocate(memory_handoff->mode);
  AttachEnd(*connection, std::move(memory_handoff->end));
  return connection->id;
}

void MemoryTransport::Close(ConnectionId id, CloseMode mode) {
  Connection* const connection = Find(id);
  if (connection == nullptr || connection->state == State::kEnded) {
    if (connection != nullptr) connection->closed_by_owner = true;
    return;
  }
  connection->closed_by_owner = true;
  if (!connection->reason) connection->reason = CloseReason::kLocal;
  if (mode == CloseMode::kReset || connection->end == nullptr) {
    if (connection->end != nullptr) connection->end->Reset();
    End(*connection, CloseReason::kLocal);
  } else if (connection->state == State::kOpen && connection->send_pending) {
    connection->state = State::kFlushing;
    ExpireAfter(*connection, options_.flush_timeout_ns);
  } else if (connection->state == State::kOpen || connection->state == State::kDetaching) {
    BeginLinger(*connection);
  }
}

void MemoryTransport::BeginLinger(Connection& connection) {
  connection.state = State::kLingering;
  connection.paused = false;
  connection.end->Finish();
  ExpireAfter(connection, options_.linger_timeout_ns);
  Look(connection);
}

void MemoryTransport::End(Connection& connection, CloseReason reason) {
  if (!connection.reason) connection.reason = reason;
  connection.state = State::kEnded;
  if (connection.end != nullptr) connection.end->OnChange(nullptr);
  connection.end = nullptr;  // closes it
  Look(connection);
}

void MemoryTransport::ExpireAfter(Connection& connection, MonoNs delay_ns) {
  const auto slot = static_cast<std::uint32_t>(static_cast<std::uint64_t>(connection.id));
  const State state = connection.state;
  network_.Schedule(network_.now() + delay_ns, [this, state, weak = std::weak_ptr(slots_[slot])] {
    const auto late = weak.lock();
    if (late != nullptr && late->state == state) End(*late, CloseReason::kLocal);
  });
}

bool MemoryTransport::NextEvent(Event& event) {
  while (!to_look_at_.empty()) {
    Connection* const connection = Find(to_look_at_.front());
    to_look_at_.pop_front();
    if (connection == nullptr) continue;
    connection->looked_for = false;
    event.id = connection->id;
    if (!Examine(*connection, event)) continue;
    if (Connection* const still = Find(event.id); still != nullptr)
      Look(*still);  // there may be more
    return true;
  }
  return false;
}

// One event of a connection, if it has one.
bool MemoryTransport::Examine(Connection& connection, Event& event) {
  if (connection.closed_by_owner) {
    connection.accepted_by.reset();
    connection.connected.reset();
  }
  if (connection.accepted_by) {
    event.kind = EventKind::kAccepted;
    event.listener = *std::exchange(connection.accepted_by, std::nullopt);
    event.peer = connection.end != nullptr ? connection.end->remote() : Endpoint{};
    return true;
  }
  if (connection.connected) {
    event.kind = EventKind::kConnected;
    event.status = *std::exchange(connection.connected, std::nullopt);
    return true;
  }
  if (connection.state == State::kEnded) {
    event.kind = EventKind::kClosed;
    event.reason = *connection.reason;
    Free(connection);
    return true;
  }
  if (connection.end == nullptr) return false;  // connecting
  return ExamineSend(connection, event) || ExamineReceive(connection, event);
}

bool MemoryTransport::ExamineSend(Connection& connection, Event& event) {
  if (!connection.send_pending || !connection.sending.empty()) return false;
  connection.send_pending = false;
  if (connection.state == State::kFlushing) {
    BeginLinger(connection);
    return false;
  }
  event.kind = EventKind::kSent;
  return true;
}

bool MemoryTransport::ExamineReceive(Connection& connection, Event& event) {
  if (connection.state == State::kFlushing || connection.state == State::kLingering) {
    if (const std::size_t count = connection.end->readable().size(); count != 0)
      connection.end->Consume(count);
    // A half-closed peer still reads what we flush.
    if (connection.end->was_reset() ||
        (connection.end->at_end() && connection.state == State::kLingering)) {
      End(connection, CloseReason::kLocal);
    }
    return false;
  }
  if (connection.mode == ReceiveMode::kLent && !connection.paused && LendNext(connection, event))
    return true;
  if (connection.mode == ReceiveMode::kDirect && !connection.direct.empty() &&
      !connection.end->readable().empty()) {
    const Bytes bytes = connection.end->readable();
    const std::size_t count = std::min(bytes.size(), connection.direct.size());
    std::memcpy(connection.direct.data(), bytes.data(), count);
    connection.end->Consume(count);
    connection.direct = {};
    event.kind = EventKind::kReceivedDirect;
    event.bytes = count;
    return true;
  }
  if (connection.state == State::kDetaching) {
    event.kind = EventKind::kDetached;
    connection.end->OnChange(nullptr);
    auto handoff = std::make_unique<MemoryHandoff>();
    handoff->end = std::move(connection.end);
    handoff->mode = connection.mode;
    event.handoff = std::move(handoff);
    Free(connection);
    return true;
  }
  IsOver(connection);
  return false;
}

bool MemoryTransport::LendNext(Connection& connection, Event& event) {
  const Bytes bytes = connection.end->readable();
  if (bytes.empty()) return false;
  if (leases_.size() == options_.buffers) {
    starved_.push_back(connection.id);
    return false;
  }
  const std::size_t count = std::min(bytes.size(), options_.buffer_bytes);
  auto memory = std::make_unique<std::vector<std::uint8_t>>(
      bytes.begin(), bytes.begin() + static_cast<long>(count));
  connection.end->Consume(count);
  event.kind = EventKind::kReceived;
  event.slice = {*memory, next_lease_};
  leases_.emplace(next_lease_++, std::move(memory));
  return true;
}

// The end of the stream, seen by those who would read now.
bool MemoryTransport::IsOver(Connection& connection) {
  const bool reads =
      connection.mode == ReceiveMode::kLent ? !connection.paused : !connection.direct.empty();
  const bool has_unread = !connection.end->readable().empty();
  if (connection.end->was_reset() && (!has_unread || connection.send_pending) &&
      (reads || connection.send_pending)) {
    End(connection, CloseReason::kPeerReset);
    return true;
  }
  if (reads && connection.end->at_end()) {
    End(connection, CloseReason::kPeerClosed);
    return true;
  }
  return false;
}

void MemoryTransport::Wait(MonoNs, MonoNs deadline) {
  Submit();
  if (std::exchange(waker_.woken, false) || !to_look_at_.empty()) return;
  const MonoNs until = std::min(deadline, network_.NextEvent());
  if (until != kNever) network_.AdvanceTo(until);
}

}  // namespace tandem::reactor
