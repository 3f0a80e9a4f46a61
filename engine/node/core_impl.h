// Definitions of Core's members; included by core.h alone.
#pragma once

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/base/log.h"
#include "engine/node/core.h"
#include "engine/reactor/monotonic_clock.h"

namespace tandem::node {

// Of one other core; a piece may be a batch of some 50 messages.
inline constexpr std::size_t kMailPerTurnMax = 256;
// How often a core whose publishers wait for another core looks whether that has come on.
inline constexpr MonoNs kMailLookNs = kNanosecondsPerMillisecond;
inline constexpr MonoNs kReportEveryNs = kNanosecondsPerSecond;

template <reactor::Transport T>
absl::Status Core<T>::Start() {
  now_ = ReadClocks();
  shard_.SetTime(now_);
  for (const reactor::ListenOptions& listen : options_.listeners) {
    absl::StatusOr<reactor::ListenerId> listener = transport_.Listen(listen);
    if (!listener.ok()) return listener.status();
    listeners_.push_back(*listener);
  }
  if (!partner_) return absl::OkStatus();
  return partner_->Start(
      {.core = options_.core,
       .cores = options_.cores,
       .streams = this,
       .events = &shard_,
       .post = [this](CoreId to,
                      Task task) { mail_.Between(options_.core, to).Push(std::move(task)); }},
      now_);
}

template <reactor::Transport T>
void Core<T>::Turn() {
  now_ = ReadClocks();
  const MonoNs began = now_.mono_ns;
  shard_.SetTime(now_);
  if (partner_) partner_->BeginTurn(now_);
  const bool had_events = transport_.Poll(now_.mono_ns, *this) != 0;
  const Drained mail = DrainMail();
  RunInbox();
  bool busy = had_events || mail.any;
  if (partner_) {
    // What clients have acknowledged goes in the batch that carries what they have sent.
    shard_.TellProgress();
    Execute();
  }
  busy |= TurnPartner();
  ReadReleased();
  shard_.Tick();
  Execute();
  TurnDrain();
  shard_.EndTurn();
  Execute();
  if (partner_waits_) {
    // What the other node's records led to (answers, acknowledgements) goes out now.
    busy |= TurnPartner();
    ReadReleased();
    shard_.EndTurn();
    Execute();
  }
  busy |= shard_.busy();
  FlushDirty();
  ResetLateClosers();
  PublishMail();
  ReportFigures();
  const MonoNs ended = reactor::MonotonicNow();
  shard_.NoteFlushed(ended);
  counters_.core.Busy(ended - began);
  // Whatever still waits for the link, or was read and kept, gets another turn before this core may
  // sleep. Of what is left in the transport Wait() knows.
  busy |= partner_waits_ || !read_on_.empty() || !dirty_.empty();
  if (had_events || mail.any) idle_since_ = now_.mono_ns;
  SleepUnlessBusy(busy, ended);
}

template <reactor::Transport T>
bool Core<T>::TurnPartner() {
  if (!partner_) return false;
  partner_waits_ = false;
  const bool busy = partner_->Turn(now_);
  Execute();
  return busy;
}

template <reactor::Transport T>
void Core<T>::SleepUnlessBusy(bool busy, MonoNs ended) {
  if (busy || !inbox_.IsEmpty()) idle_since_ = now_.mono_ns;
  if (busy || !inbox_.IsEmpty() || now_.mono_ns - idle_since_ < options_.spin_ns) {
    transport_.Submit();
    return;
  }
  MonoNs deadline = shard_.NextDeadline();
  if (partner_) deadline = std::min(deadline, partner_->NextDeadline());
  if (!closing_.empty()) deadline = std::min(deadline, closing_.front().first);
  if (mail_full_) deadline = std::min(deadline, now_.mono_ns + kMailLookNs);
  if (draining_ && shard_.connections() != 0) deadline = std::min(deadline, drain_pace_.NextAt());
  transport_.Wait(ended, deadline);
}

template <reactor::Transport T>
void Core<T>::BeginDrain(double clients_per_s) {
  if (draining_) return;
  draining_ = true;
  drain_pace_.Begin(now_.mono_ns, clients_per_s);
  shard_.SetDraining(true);
}

template <reactor::Transport T>
void Core<T>::EndDrain() {
  draining_ = false;
  shard_.SetDraining(false);
}

template <reactor::Transport T>
void Core<T>::TurnDrain() {
  if (!draining_ || stopping_) return;
  shard_.MoveAway(drain_pace_.Take(now_.mono_ns));
  Execute();
}

template <reactor::Transport T>
void Core<T>::Stop() {
  if (stopping_) return;
  stopping_ = true;
  for (const reactor::ListenerId listener : listeners_) transport_.StopListening(listener);
  shard_.SetServing(false);
  shard_.DisconnectAll(mqtt::ReasonCode::kServerShuttingDown, metrics::CloseReason::kShutdown);
  Execute();
  if (partner_) partner_->Stop(now_);
}

// Streams.

template <reactor::Transport T>
typename Core<T>::Stream* Core<T>::FindStream(ConnectionId id) noexcept {
  const std::size_t slot = SlotOf(id);
  return slot < streams_.size() && streams_[slot].id == id ? &streams_[slot] : nullptr;
}

template <reactor::Transport T>
net::Connection* Core<T>::FindClient(ConnectionId id) noexcept {
  Stream* const stream = FindStream(id);
  return stream == nullptr ? nullptr : stream->client.get();
}

template <reactor::Transport T>
typename Core<T>::Stream& Core<T>::OpenStream(ConnectionId id) {
  const std::size_t slot = SlotOf(id);
  if (slot >= streams_.size()) streams_.resize(slot + 1);
  Stream& stream = streams_[slot];
  if (stream.id == kNoConnection) ++streams_open_;
  stream = Stream{.id = id};
  return stream;
}

template <reactor::Transport T>
void Core<T>::ForgetStream(ConnectionId id) {
  Stream* const stream = FindStream(id);
  if (stream == nullptr) return;
  *stream = Stream();
  --streams_open_;
}

template <reactor::Transport T>
void Core<T>::OnAccepted(reactor::ListenerId listener, ConnectionId id,
                         const reactor::Endpoint& peer) {
  const auto own = std::find(listeners_.begin(), listeners_.end(), listener);
  if (own == listeners_.end()) {
    for (const auto& [other, handler] : other_listeners_) {
      if (other != listener) continue;
      OpenStream(id);
      return handler->OnAccepted(id, peer);
    }
    return transport_.Close(id, reactor::CloseMode::kReset);
  }
  const auto index = static_cast<std::uint32_t>(own - listeners_.begin());
  const ConnectionLimits::Verdict verdict = options_.limits[index]->Open(peer.host, now_.mono_ns);
  if (verdict.admission != broker::Admission::kGranted) NoteRefused(index, peer, verdict);
  if (!verdict.answers) return transport_.Close(id, reactor::CloseMode::kReset);
  counters_.net.ConnectionOpened(index);
  OpenClient(id, index, peer, verdict.admission, {});
}

template <reactor::Transport T>
void Core<T>::NoteRefused(std::uint32_t listener, const reactor::Endpoint& peer,
                          const ConnectionLimits::Verdict& verdict) {
  const bool too_many = verdict.admission == broker::Admission::kQuotaExceeded;
  // Those that are answered are counted by the shard.
  if (!verdict.answers) {
    counters_.broker.ConnectRefused(too_many ? metrics::RefuseReason::kBusy
                                             : metrics::RefuseReason::kConnectRate);
  }
  if (const auto count = refusal_lines_.Due(now_.mono_ns)) {
    Log(LogLevel::kWarn, "connections refused by a limit",
        {{"core", Index(options_.core)},
         {"listener", listener},
         {"count", *count},
         {"last_from", peer.host},
         {"last_for", too_many ? "too many connections" : "too many in a short time"}});
  }
}

template <reactor::Transport T>
void Core<T>::OnAcceptFailed(reactor::ListenerId, const absl::Status& status) {
  counters_.net.AcceptFailed();
  Log(LogLevel::kWarn, "cannot accept connections",
      {{"core", Index(options_.core)},
       {"error", std::string(status.message().data(), status.message().size())}});
}

template <reactor::Transport T>
void Core<T>::OpenClient(ConnectionId id, std::uint32_t listener, const reactor::Endpoint& peer,
                         broker::Admission admission, ByteBuffer bytes) {
  Stream& stream = OpenStream(id);
  stream.client = std::make_unique<net::Connection>(id, listener, peer, admission);
  net::Connection& connection = *stream.client;
  shard_.OnOpened(id, listener, admission);
  if (stopping_) {
    connection.closing = true;
    connection.reset = true;
    shard_.DisconnectAll(mqtt::ReasonCode::kServerShuttingDown, metrics::CloseReason::kShutdown);
    Execute();
    return;
  }
  if (bytes.empty()) return;
  connection.Keep(std::move(bytes));
  Read(connection, {});
}

template <reactor::Transport T>
void Core<T>::OnReceived(ConnectionId id, reactor::ReceivedSlice slice) {
  Stream* const stream = FindStream(id);
  if (stream == nullptr) return transport_.Release(slice);
  if (stream->handler != nullptr) return stream->handler->OnReceived(slice);
  if (stream->client) {
    counters_.net.BytesReceived(slice.bytes.size());
    if (!stream->client->closing) Read(*stream->client, slice.bytes);
  }
  transport_.Release(slice);
}

template <reactor::Transport T>
void Core<T>::OnReceivedDirect(ConnectionId id, std::size_t bytes) {
  if (Stream* const stream = FindStream(id); stream != nullptr && stream->handler != nullptr) {
    stream->handler->OnReceivedDirect(bytes);
  }
}

template <reactor::Transport T>
void Core<T>::OnConnected(ConnectionId id, const absl::Status& status) {
  if (Stream* const stream = FindStream(id); stream != nullptr && stream->handler != nullptr) {
    stream->handler->OnConnected(status);
  }
}

template <reactor::Transport T>
void Core<T>::OnSent(ConnectionId id) {
  Stream* const stream = FindStream(id);
  if (stream == nullptr) return;
  if (stream->handler != nullptr) return stream->handler->OnSent();
  if (!stream->client) return;
  net::Connection& connection = *stream->client;
  const std::size_t bytes = connection.output().Sent(pool_);
  counters_.net.BytesSent(bytes);
  shard_.OnSent(id, bytes);
  Execute();
  MarkDirty(connection);
}

template <reactor::Transport T>
void Core<T>::OnClosed(ConnectionId id, reactor::CloseReason reason) {
  Stream* const stream = FindStream(id);
  if (stream == nullptr) return;
  if (stream->handler != nullptr) {
    reactor::StreamHandler* const handler = stream->handler;
    ForgetStream(id);
    return handler->OnClosed(reason);
  }
  if (!stream->client) return ForgetStream(id);
  counters_.net.ConnectionClosed(stream->client->listener());
  options_.limits[stream->client->listener()]->Close(stream->client->peer().host,
                                                     stream->client->admission(), now_.mono_ns);
  const auto why = reason == reactor::CloseReason::kPeerClosed
                       ? metrics::CloseReason::kClientClosed
                       : metrics::CloseReason::kNetworkError;
  shard_.OnClosed(id, why);
  Execute();
  ForgetStream(id);
}

template <reactor::Transport T>
void Core<T>::OnDetached(ConnectionId id, std::unique_ptr<reactor::Handoff> handoff) {
  Stream* const stream = FindStream(id);
  if (stream == nullptr) return;
  if (stream->handler != nullptr) {
    reactor::StreamHandler* const handler = stream->handler;
    ForgetStream(id);
    return handler->OnDetached(std::move(handoff));
  }
  net::Connection& connection = *stream->client;
  // The whole CONNECT stands in the kept bytes: that is how its home is known.
  const mqtt::DecodeResult first = mqtt::Decoder(mqtt::Sender::kClient).Next(connection.kept());
  const auto* const connect = std::get_if<mqtt::ConnectView>(&first.packet);
  TANDEM_CHECK(first.status == mqtt::DecodeStatus::kPacket && connect != nullptr);
  const CoreId home = broker::Shard::HomeOf(connect->client_id, options_.cores);
  MovedClient moved{.handoff = std::move(handoff),
                    .bytes = {},
                    .listener = connection.listener(),
                    .peer = connection.peer(),
                    .admission = connection.admission()};
  moved.bytes = connection.TakeKept();
  shard_.OnDetached(id);
  ForgetStream(id);
  mail_.Between(options_.core, home).Push(std::move(moved));
}

// Packets.

template <reactor::Transport T>
bool Core<T>::PacketSink::OnPacket(const mqtt::Packet& packet, broker::Buffer* block) {
  if (const auto* connect = std::get_if<mqtt::ConnectView>(&packet)) {
    const bool elsewhere =
        core.options_.cores > 1 && !connect->client_id.empty() &&
        broker::Shard::HomeOf(connect->client_id, core.options_.cores) != core.options_.core;
    if (elsewhere && !connection.greeted) {
      connection.moving = true;
      core.transport_.Detach(connection.id());
      return false;
    }
    connection.greeted = true;
    connection.decoder().set_packet_bytes_max(core.options_.broker.packet_bytes_max);
    core.shard_.OnPacket(connection.id(), packet);
    core.Execute();  // the shard may have said that nothing more is to be decoded
    return true;
  }
  core.shard_.OnPacket(connection.id(), packet, block);
  if (core.shard_.outbox().pauses) core.Execute();  // perhaps this one
  return true;
}

template <reactor::Transport T>
void Core<T>::Read(net::Connection& connection, Bytes bytes) {
  if (shard_.clients_wait()) return Withhold(connection, bytes);
  PacketSink sink{*this, connection};
  connection.Receive(bytes, sink);
  Execute();
}

// Keeps what came, and lets nothing more come: neither bytes nor the end that may stand behind
// them.
template <reactor::Transport T>
void Core<T>::Withhold(net::Connection& connection, Bytes bytes) {
  NoSink nobody;
  connection.Receive(bytes, nobody);
  if (connection.moving) return;
  transport_.PauseReceive(connection.id());
  unread_.push_back(connection.id());
}

// After a hold or a pause: what was kept first, then the stream again.
template <reactor::Transport T>
void Core<T>::ReadOn(net::Connection& connection) {
  const ConnectionId id = connection.id();
  if (connection.kept_bytes() != 0) Read(connection, {});
  net::Connection* const still = FindClient(id);
  if (still != nullptr && !still->held && !still->paused && !still->closing)
    transport_.ResumeReceive(id);
}

// Other cores, other threads.

template <reactor::Transport T>
typename Core<T>::Drained Core<T>::DrainMail() {
  Drained drained;
  for (std::uint16_t from = 0; from < options_.cores; ++from) {
    if (CoreId{from} == options_.core) continue;
    CoreMailbox& box = mail_.Between(CoreId{from}, options_.core);
    const std::size_t count =
        box.Drain([&](Mail mail) { OnMail(CoreId{from}, std::move(mail)); }, kMailPerTurnMax);
    drained.any |= count != 0;
    drained.more_left |= count == kMailPerTurnMax;
  }
  if (drained.any) Execute();
  return drained;
}

template <reactor::Transport T>
void Core<T>::OnMail(CoreId from, Mail mail) {
  if (auto* message = std::get_if<broker::CoreMessage>(&mail)) {
    shard_.OnCoreMessage(from, std::move(*message));
  } else if (auto* moved = std::get_if<MovedClient>(&mail)) {
    const ConnectionId id = transport_.Adopt(std::move(moved->handoff));
    OpenClient(id, moved->listener, moved->peer, moved->admission, std::move(moved->bytes));
  } else {
    std::get<Task>(mail)();
  }
}

template <reactor::Transport T>
void Core<T>::RunInbox() {
  for (Task& task : inbox_.Take()) {
    task();
    Execute();
  }
}

template <reactor::Transport T>
void Core<T>::PublishMail() {
  std::size_t deepest = 0;
  for (std::uint16_t to = 0; to < options_.cores; ++to) {
    if (CoreId{to} == options_.core) continue;
    CoreMailbox& box = mail_.Between(options_.core, CoreId{to});
    if (box.Publish()) mail_.WakerOf(CoreId{to}).Wake();
    deepest = std::max(deepest, box.depth());
  }
  NoteMailDepth(deepest);
}

template <reactor::Transport T>
void Core<T>::NoteMailDepth(std::size_t bytes) {
  const bool is_full = bytes > (mail_full_ ? options_.mail_bytes_max / 2 : options_.mail_bytes_max);
  if (is_full == mail_full_) return;
  mail_full_ = is_full;
  if (is_full) counters_.core.MailboxFull();
  shard_.SetMailFull(is_full);
  Execute();
}

// Effects.

template <reactor::Transport T>
void Core<T>::Execute() {
  // Nothing below calls the shard, so the outbox stays as it is until it is cleared.
  broker::Outbox& out = shard_.outbox();
  if (out.empty()) return;
  for (const broker::ConnectionEffect& effect : out.connections) {
    if (effect.kind == broker::ConnectionEffect::Kind::kSend) {
      ExecuteSend(out, out.sends[effect.send]);
    } else if (net::Connection* const connection = FindClient(effect.connection)) {
      ExecuteOn(*connection, effect);
    }
  }
  for (broker::CoreEffect& effect : out.cores) {
    mail_.Between(options_.core, effect.to).Push(std::move(effect.message));
  }
  partner_waits_ |= !out.records.empty() || !out.acknowledgements.empty();
  for (broker::RecordEffect& effect : out.records)
    partner_->Append(effect.number, std::move(effect.record));
  for (const broker::AcknowledgeEffect& effect : out.acknowledgements) {
    partner_->Acknowledge(effect.stream, effect.number);
  }
  for (const broker::AccessEvent& event : out.access) {
    const net::Connection* const connection = FindClient(event.connection);
    WriteAccessLine(event, options_.core, connection == nullptr ? nullptr : &connection->peer());
  }
  out.Clear();
}

template <reactor::Transport T>
void Core<T>::ExecuteSend(const broker::Outbox& out, const broker::SendEffect& send) {
  net::Connection* const connection = FindClient(send.connection);
  if (connection == nullptr || connection->closing) return;
  std::uint8_t* const frame =
      connection->output().Append(out.bytes.bytes(send.offset, send.size), pool_);
  if (send.id_offset != 0) {
    frame[send.id_offset] = static_cast<std::uint8_t>(send.packet_id >> 8);
    frame[send.id_offset + 1] = static_cast<std::uint8_t>(send.packet_id & 0xff);
  }
  if (send.payload != nullptr) connection->output().AppendPayload(broker::MessagePtr(send.payload));
  MarkDirty(*connection);
}

template <reactor::Transport T>
void Core<T>::ExecuteOn(net::Connection& connection, const broker::ConnectionEffect& effect) {
  using Kind = broker::ConnectionEffect::Kind;
  switch (effect.kind) {
    case Kind::kSend:
      return;
    case Kind::kClose:
      connection.closing = true;
      connection.reset |= effect.reset;
      MarkDirty(connection);
      closing_.emplace_back(now_.mono_ns + options_.close_patience_ns, connection.id());
      return;
    case Kind::kPause:
      connection.paused = true;
      return transport_.PauseReceive(connection.id());
    case Kind::kResume:
      if (!std::exchange(connection.paused, false)) return;
      return read_on_.push_back(connection.id());
    case Kind::kHold:
      connection.held = true;
      return transport_.PauseReceive(connection.id());
    case Kind::kRelease:
      if (!std::exchange(connection.held, false)) return;
      return read_on_.push_back(connection.id());
  }
}

template <reactor::Transport T>
void Core<T>::MarkDirty(net::Connection& connection) {
  if (std::exchange(connection.dirty, true)) return;
  dirty_.push_back(connection.id());
}

// Clients that are held or paused no longer: what they sent meanwhile.
template <reactor::Transport T>
void Core<T>::ReadReleased() {
  if (!unread_.empty() && !shard_.clients_wait()) {
    read_on_.insert(read_on_.end(), unread_.begin(), unread_.end());
    unread_.clear();
  }
  while (!read_on_.empty()) {
    for (const ConnectionId id : std::exchange(read_on_, {})) {
      if (net::Connection* const connection = FindClient(id)) ReadOn(*connection);
    }
  }
}

template <reactor::Transport T>
void Core<T>::FlushDirty() {
  flushing_.swap(dirty_);
  for (const ConnectionId id : flushing_) {
    if (net::Connection* const connection = FindClient(id)) Flush(*connection);
  }
  flushing_.clear();
}

// Once a second: what is counted elsewhere, or costs too much to count along. The shard's timers
// keep a core from sleeping longer.
template <reactor::Transport T>
void Core<T>::ReportFigures() {
  if (now_.mono_ns < report_at_) return;
  report_at_ = now_.mono_ns + kReportEveryNs;
  counters_.turned_at_ns.Set(now_.mono_ns);
  std::size_t connection_bytes =
      streams_.capacity() * sizeof(Stream) + streams_open_ * sizeof(net::Connection);
  if constexpr (requires { transport_.counters(); }) {
    const auto ring = transport_.counters();
    connection_bytes += ring.connection_bytes_now;
    counters_.core.Ring(
        {.enters = ring.enters,
         .overflows = ring.overflows,
         .buffers_exhausted = ring.starvations,
         .buffers_free = ring.small_buffers_free_now + ring.large_buffers_free_now});
  }
  std::size_t waiting = 0;
  for (std::uint16_t from = 0; from < options_.cores; ++from) {
    if (CoreId{from} != options_.core)
      waiting += mail_.Between(CoreId{from}, options_.core).waiting();
  }
  counters_.core.MailboxMessages(waiting);
  using Part = metrics::MemoryPart;
  const broker::MemoryUse use = shard_.memory();
  counters_.core.Memory(Part::kConnections, use.connections + connection_bytes);
  counters_.core.Memory(Part::kSessions, use.sessions);
  counters_.core.Memory(Part::kSubscriptions, use.subscriptions);
  counters_.core.Memory(Part::kQueues, use.queues);
  counters_.core.Memory(Part::kRetained, use.retained);
  if (auto merge = shard_.TakeMerge(); merge && options_.merges != nullptr)
    options_.merges->Add(std::move(*merge));
  for (const broker::CopyMismatch& mismatch : shard_.TakeCopyMismatches()) {
    Log(LogLevel::kError, "the copy of a session differs from it, and is told anew",
        {{"core", Index(options_.core)},
         {"client", mismatch.client_id},
         {"from_place", mismatch.first},
         {"owner_hash", mismatch.owner_hash},
         {"copy_hash", mismatch.copy_hash}});
  }
}

template <reactor::Transport T>
void Core<T>::Flush(net::Connection& connection) {
  connection.dirty = false;
  if (connection.moving && !connection.greeted) return;
  if (connection.closing && connection.reset)
    return transport_.Close(connection.id(), reactor::CloseMode::kReset);
  if (const auto fragments = connection.output().Next(fragments_); !fragments.empty()) {
    return transport_.Send(connection.id(), fragments, NoticeFor(connection));
  }
  if (connection.closing && connection.output().empty()) {
    transport_.Close(connection.id(), reactor::CloseMode::kGraceful);
  }
}

// Nothing waits for the end of a send that takes all there is of a client that is not far behind.
template <reactor::Transport T>
reactor::SentNotice Core<T>::NoticeFor(const net::Connection& connection) const noexcept {
  const net::OutputQueue& output = connection.output();
  const bool is_awaited = connection.closing || output.has_more() ||
                          output.bytes() > options_.broker.unsent_bytes_soft / 2;
  return is_awaited ? reactor::SentNotice::kSoon : reactor::SentNotice::kLater;
}

// Somebody who does not take the last bytes keeps nobody waiting.
template <reactor::Transport T>
void Core<T>::ResetLateClosers() {
  while (!closing_.empty() && closing_.front().first <= now_.mono_ns) {
    if (net::Connection* const connection = FindClient(closing_.front().second)) {
      transport_.Close(connection->id(), reactor::CloseMode::kReset);
    }
    closing_.pop_front();
  }
}

// StreamPort.

template <reactor::Transport T>
absl::StatusOr<reactor::ListenerId> Core<T>::Listen(const reactor::ListenOptions& options,
                                                    reactor::AcceptHandler& handler) {
  absl::StatusOr<reactor::ListenerId> listener = transport_.Listen(options);
  if (listener.ok()) other_listeners_.emplace_back(*listener, &handler);
  return listener;
}

template <reactor::Transport T>
absl::StatusOr<ConnectionId> Core<T>::Connect(const reactor::ConnectOptions& options,
                                              reactor::StreamHandler& handler) {
  absl::StatusOr<ConnectionId> id = transport_.Connect(options);
  if (id.ok()) OpenStream(*id).handler = &handler;
  return id;
}

template <reactor::Transport T>
void Core<T>::Attach(ConnectionId accepted, reactor::StreamHandler& handler) {
  if (Stream* const stream = FindStream(accepted)) stream->handler = &handler;
}

template <reactor::Transport T>
ConnectionId Core<T>::Adopt(std::unique_ptr<reactor::Handoff> handoff,
                            reactor::StreamHandler& handler) {
  const ConnectionId id = transport_.Adopt(std::move(handoff));
  OpenStream(id).handler = &handler;
  return id;
}

}  // namespace tandem::node
