#include "tests/support/broker_world.h"

#include <algorithm>

#include "engine/base/check.h"

namespace tandem::testing {
namespace {

using broker::ConnectionEffect;
using broker::Message;
using broker::MessageFields;
using broker::MessagePtr;
using broker::PeerRecord;

// The clocks of the nodes start apart: who takes one for the other is found out.
constexpr MonoNs kMonoOffsetNs[] = {0, 1'000'000 * kNanosecondsPerSecond};
constexpr WallMs kWallStartMs = 1'700'000'000'000;
// More turns than this without time passing is a loop.
constexpr std::size_t kTurnsMax = 10'000'000;

// A message as it comes out of the link on the other host: other memory, the other clock.
MessagePtr Carried(const MessagePtr& message, MonoNs clock_shift_ns) {
  if (!message) return message;
  MessageFields fields = message->fields();
  if (fields.expires_at != kNever) fields.expires_at += clock_shift_ns;
  return Message::Create(fields);
}

PeerRecord Carried(PeerRecord record, MonoNs clock_shift_ns) {
  std::visit(
      [&](auto& r) {
        if constexpr (requires { r.message->expires_at(); })
          r.message = Carried(r.message, clock_shift_ns);
      },
      record);
  return record;
}

std::size_t SlotOf(ConnectionId id) { return static_cast<std::uint64_t>(id) & UINT32_MAX; }

}  // namespace

BrokerWorld::BrokerWorld(const WorldOptions& options) : options_(options), random_(options.seed) {
  TANDEM_CHECK(options.cores.size() == 1 || options.cores.size() == 2);
  nodes_.resize(options.cores.size());
  for (std::size_t node = 0; node < nodes_.size(); ++node) StartShards(node);
}

BrokerWorld::~BrokerWorld() = default;

Now BrokerWorld::NowOf(std::size_t node) const {
  return {
      .mono_ns = now_ + kMonoOffsetNs[node],
      .wall_ms = kWallStartMs + now_ / kNanosecondsPerMillisecond + options_.clock_error_ms[node]};
}

void BrokerWorld::StartShards(std::size_t index) {
  Node& node = nodes_[index];
  node.incarnation = ++incarnations_;
  node.lanes = std::vector<Lane>(options_.cores[index]);
  const auto budget = std::make_shared<broker::RetainedBudget>(
      options_.config.retained_messages_max, options_.config.retained_bytes_max);
  for (std::uint16_t core = 0; core < options_.cores[index]; ++core) {
    const broker::ShardOptions shard{
        .core = CoreId{core},
        .cores = options_.cores[index],
        .node = static_cast<NodeId>(index),
        .incarnation = Incarnation{node.incarnation},
        .has_partner = options_.cores.size() > 1,
        .assigned_id_prefix =
            "auto-" + std::to_string(node.incarnation) + "-" + std::to_string(core) + "-",
        .retained_budget = budget};
    node.cores.push_back(std::make_unique<Core>(shard, options_.config));
    node.cores.back()->mail.resize(options_.cores[index]);
    node.cores.back()->shard.SetTime(NowOf(index));
    node.cores.back()->shard.Tick();
  }
  if (options_.partners != nullptr) StartPartners(index);
}

void BrokerWorld::StartPartners(std::size_t index) {
  std::vector<broker::ReplicatorEvents*> events;
  for (const auto& core : nodes_[index].cores) events.push_back(&core->shard);
  const auto post = [this, index](CoreId from, CoreId to, Task task) {
    nodes_[index].cores[Index(to)]->mail[Index(from)].emplace_back(std::move(task));
  };
  options_.partners->Start(index, Incarnation{nodes_[index].incarnation}, events, post,
                           NowOf(index));
}

void BrokerWorld::Fault(std::size_t node, std::size_t core, const std::string& what) {
  faults_.push_back("node " + std::to_string(node) + " core " + std::to_string(core) + ": " + what);
}

std::vector<std::string> BrokerWorld::Faults() const {
  std::vector<std::string> all = faults_;
  for (const auto& client : clients_) {
    all.insert(all.end(), client->faults.begin(), client->faults.end());
  }
  return all;
}

// Time.

void BrokerWorld::Run() {
  for (std::size_t turns = 0;; ++turns) {
    TANDEM_CHECK_MSG(turns < kTurnsMax, "the world does not come to rest");
    if (Step()) continue;
    // Only what is on the link takes time of its own accord.
    MonoNs due = kNever;
    for (const Node& node : nodes_) {
      for (const Lane& lane : node.lanes) {
        if (!lane.records.empty() && !node.records_held) {
          due = std::min(due, lane.records.front().due);
        }
        if (!lane.applied.empty()) due = std::min(due, lane.applied.front().due);
      }
    }
    if (due == kNever || due <= now_) return;
    now_ = due;
  }
}

void BrokerWorld::Advance(MonoNs duration) {
  const MonoNs end = now_ + duration;
  for (Run(); NextEvent() <= end; Run()) now_ = std::max(now_, NextEvent());
  now_ = std::max(now_, end);
  Run();
}

MonoNs BrokerWorld::NextEvent() const {
  MonoNs next = kNever;
  for (std::size_t node = 0; node < nodes_.size(); ++node) {
    if (nodes_[node].frozen) continue;
    for (const auto& core : nodes_[node].cores) {
      const MonoNs deadline = core->shard.NextDeadline();
      if (deadline != kNever) next = std::min(next, deadline - kMonoOffsetNs[node]);
    }
    if (options_.partners == nullptr) continue;
    for (std::size_t core = 0; core < nodes_[node].cores.size(); ++core) {
      const MonoNs deadline = options_.partners->NextDeadline(node, core);
      if (deadline != kNever) next = std::min(next, deadline - kMonoOffsetNs[node]);
    }
  }
  return next;
}

bool BrokerWorld::Step() {
  std::vector<std::pair<std::size_t, std::size_t>> ready;
  for (std::size_t node = 0; node < nodes_.size(); ++node) {
    for (std::size_t core = 0; core < nodes_[node].cores.size() && !nodes_[node].frozen; ++core) {
      const broker::Shard& shard = nodes_[node].cores[core]->shard;
      if (shard.busy() || shard.NextDeadline() <= NowOf(node).mono_ns ||
          !WorkOf(node, core).empty()) {
        ready.emplace_back(node, core);
      }
    }
  }
  if (ready.empty()) return false;
  const auto [node, core] = ready[Below(ready.size())];
  Turn(node, core);
  return true;
}

// One turn of a core.

void BrokerWorld::Turn(std::size_t node, std::size_t core) {
  broker::Shard& shard = nodes_[node].cores[core]->shard;
  shard.SetTime(NowOf(node));
  if (options_.partners != nullptr) options_.partners->BeginTurn(node, core, NowOf(node));
  std::vector<Work> work = WorkOf(node, core);
  std::shuffle(work.begin(), work.end(), random_);
  const std::size_t first = Below(work.size());
  for (std::size_t i = 0; i < work.size(); ++i) {
    if (i == first || Chance(60)) work[i]();
  }
  Execute(node, core);
  shard.Tick();
  Execute(node, core);
  shard.EndTurn();
  Execute(node, core);
  Flush(node, core);
  shard.NoteFlushed(NowOf(node).mono_ns);
}

std::vector<BrokerWorld::Work> BrokerWorld::WorkOf(std::size_t node, std::size_t core) {
  Core& self = *nodes_[node].cores[core];
  std::vector<Work> work;
  if (!self.pair_events.empty()) work.push_back([=, this] { OnPairEvent(node, core); });
  for (std::size_t from = 0; from < self.mail.size(); ++from) {
    if (!self.mail[from].empty()) work.push_back([=, this] { ReadMail(node, core, from); });
  }
  if (options_.partners != nullptr) {
    if (options_.partners->HasWork(node, core, NowOf(node)))
      work.push_back([=, this] { TurnPartner(node, core); });
  } else if (nodes_.size() == 2) {
    const Node& other = nodes_[1 - node];
    for (std::size_t stream = 0; stream < other.lanes.size() && !other.records_held; ++stream) {
      const auto& records = other.lanes[stream].records;
      if (OtherCore(1 - node, stream) != core || records.empty()) continue;
      if (IsReady(records.front(), self)) {
        work.push_back([=, this] { ReadRecords(node, core, stream); });
      }
    }
    const auto& applied = nodes_[node].lanes[core].applied;
    if (!applied.empty() && applied.front().due <= now_ && !other.acks_held) {
      work.push_back([=, this] { ReadApplied(node, core); });
    }
  }
  for (std::size_t slot = 0; slot < self.wires.size(); ++slot) {
    if (!self.wires[slot]) continue;
    const Wire& wire = *self.wires[slot];
    const bool waits = self.shard.clients_wait();
    const bool reads = !waits && !wire.held && !wire.paused && !wire.closing;
    const bool input = wire.client != nullptr && !wire.client->outgoing().empty();
    const bool output = !wire.to_client.empty() && (wire.client == nullptr || wire.client->reads);
    const bool ended = wire.ended && (wire.broken || (!wire.held && !waits));
    if (wire.unreported != 0 || ended || output || ((input || wire.retry) && reads)) {
      work.push_back([=, this] { ServeWire(node, core, slot); });
    }
  }
  return work;
}

void BrokerWorld::OnPairEvent(std::size_t node, std::size_t core) {
  Core& self = *nodes_[node].cores[core];
  Execute(node, core);  // what is still in the outbox belongs to the epoch before
  const auto event = std::move(self.pair_events.front());
  self.pair_events.pop_front();
  if (const auto* up = std::get_if<PeerUp>(&event)) {
    self.epoch = up->epoch.epoch;
    self.appended = 0;
    self.shard.OnPeerUp(up->epoch);
  } else {
    self.epoch = 0;
    self.shard.OnPeerDown();
  }
  Execute(node, core);
}

void BrokerWorld::TurnPartner(std::size_t node, std::size_t core) {
  Execute(node, core);
  options_.partners->Turn(node, core, NowOf(node));
  Execute(node, core);
}

void BrokerWorld::ReadMail(std::size_t node, std::size_t core, std::size_t from) {
  Core& self = *nodes_[node].cores[core];
  for (std::size_t count = 1 + Below(self.mail[from].size()); count > 0; --count) {
    auto mail = std::move(self.mail[from].front());
    self.mail[from].pop_front();
    if (auto* const task = std::get_if<Task>(&mail)) {
      (*task)();
    } else {
      self.shard.OnCoreMessage(static_cast<CoreId>(from),
                               std::move(std::get<broker::CoreMessage>(mail)));
    }
    if (Chance(50)) Execute(node, core);
  }
}

void BrokerWorld::ReadRecords(std::size_t node, std::size_t core, std::size_t stream) {
  Core& self = *nodes_[node].cores[core];
  auto& records = nodes_[1 - node].lanes[stream].records;
  const MonoNs shift = kMonoOffsetNs[node] - kMonoOffsetNs[1 - node];
  for (std::size_t count = 1 + Below(records.size()); count > 0; --count) {
    if (records.empty() || !IsReady(records.front(), self)) return;
    Record record = std::move(records.front());
    records.pop_front();
    if (record.epoch != self.epoch) continue;
    cluster::StreamReceiver& receiver = nodes_[1 - node].lanes[stream].receiver;
    const auto known = receiver.Accept(record.number, 1);
    if (!known.ok()) Fault(node, core, "a gap in what came of a stream");
    if (!known.ok() || *known == 1) continue;
    self.shard.OnPeerRecord(static_cast<CoreId>(stream), receiver.Delivered(),
                            Carried(std::move(record.record), shift));
    if (Chance(50)) Execute(node, core);
  }
}

void BrokerWorld::ReadApplied(std::size_t node, std::size_t core) {
  Core& self = *nodes_[node].cores[core];
  auto& applied = nodes_[node].lanes[core].applied;
  const Applied front = applied.front();
  applied.pop_front();
  if (front.epoch != self.epoch) return;
  const auto news = nodes_[node].lanes[core].sender.OnApplied(front.number);
  if (!news.ok()) return Fault(node, core, "an acknowledgement of what was not sent");
  if (*news) self.shard.OnPeerApplied(front.number);
}

// Connections.

MqttClient& BrokerWorld::AddClient(std::string id, mqtt::Version version) {
  clients_.push_back(std::make_unique<MqttClient>(std::move(id), version));
  return *clients_.back();
}

BrokerWorld::Wire& BrokerWorld::AddWire(std::size_t node, std::size_t core) {
  Core& self = *nodes_[node].cores[core];
  std::size_t slot = 0;
  while (slot < self.wires.size() && self.wires[slot]) ++slot;
  if (slot == self.wires.size()) self.wires.emplace_back();
  self.wires[slot] = std::make_unique<Wire>();
  Wire& wire = *self.wires[slot];
  wire.id = static_cast<ConnectionId>(std::uint64_t{++self.generation} << 32 | slot);
  self.shard.SetTime(NowOf(node));
  self.shard.OnOpened(wire.id, 0);
  return wire;
}

void BrokerWorld::Open(MqttClient& client, std::size_t node) {
  if (Wire* const old = WireOf(client)) old->client = nullptr;
  client.OnOpened();
  TANDEM_CHECK(alive(node));
  AddWire(node, Below(nodes_[node].cores.size())).client = &client;
}

void BrokerWorld::Break(MqttClient& client) {
  if (Wire* const wire = WireOf(client)) {
    wire->client = nullptr;
    wire->ended = true;
    wire->broken = true;
    wire->to_client.Clear();
  }
  client.OnClosed();
}

void BrokerWorld::BreakAll() {
  for (const auto& client : clients_) {
    if (client->open()) Break(*client);
  }
  for (Node& node : nodes_) {
    for (const auto& core : node.cores) {
      for (const auto& wire : core->wires) {
        if (wire) wire->ended = wire->broken = true;
      }
    }
  }
}

void BrokerWorld::Close(MqttClient& client) {
  if (Wire* const wire = WireOf(client)) {
    wire->to_server.Append(client.outgoing().bytes());
    wire->client = nullptr;
    wire->ended = true;
  }
  client.OnClosed();
}

BrokerWorld::Wire* BrokerWorld::FindWire(std::size_t node, std::size_t core, ConnectionId id) {
  auto& wires = nodes_[node].cores[core]->wires;
  const std::size_t slot = SlotOf(id);
  return slot < wires.size() && wires[slot] && wires[slot]->id == id ? wires[slot].get() : nullptr;
}

BrokerWorld::Wire* BrokerWorld::WireOf(const MqttClient& client) {
  for (Node& node : nodes_) {
    for (const auto& core : node.cores) {
      for (const auto& wire : core->wires) {
        if (wire && wire->client == &client) return wire.get();
      }
    }
  }
  return nullptr;
}

void BrokerWorld::ServeWire(std::size_t node, std::size_t core, std::size_t slot) {
  Core& self = *nodes_[node].cores[core];
  if (!self.wires[slot]) return;
  Wire& wire = *self.wires[slot];
  const ConnectionId id = wire.id;
  wire.retry = false;
  if (wire.unreported != 0) {
    self.shard.OnSent(id, std::exchange(wire.unreported, 0));
    Execute(node, core);
  }
  // The core stood still: whose clients they are by now is not known yet.
  const bool waits = self.shard.clients_wait();
  if (wire.client != nullptr && !waits && !wire.held && !wire.paused && !wire.closing) {
    ByteBuffer& outgoing = wire.client->outgoing();
    const std::size_t count = Chance(80) ? outgoing.size() : Below(outgoing.size() + 1);
    wire.to_server.Append(outgoing.bytes(0, count));
    outgoing.Consume(count);
  }
  if (!wire.broken && !waits) DecodePackets(node, core, wire);
  // The wire may have moved to another core, or the end may wait for input that is held back.
  Wire* const still = FindWire(node, core, id);
  const bool is_kept = still != nullptr && (still->held || waits) && !still->broken;
  if (still == nullptr || !still->ended || is_kept) return;
  self.wires[slot].reset();
  self.shard.OnClosed(id, metrics::CloseReason::kClientClosed);
  Execute(node, core);
}

void BrokerWorld::DecodePackets(std::size_t node, std::size_t core, Wire& wire) {
  Core& self = *nodes_[node].cores[core];
  std::size_t at = 0;
  while (at < wire.to_server.size() && !wire.held && !wire.paused && !wire.closing) {
    const mqtt::DecodeResult result = wire.decoder.Next(wire.to_server.bytes().subspan(at));
    if (result.status == mqtt::DecodeStatus::kNeedMore) break;
    if (result.status == mqtt::DecodeStatus::kMalformed) {
      self.shard.OnMalformed(wire.id, result);
      at = wire.to_server.size();
      break;
    }
    if (const auto* connect = std::get_if<mqtt::ConnectView>(&result.packet);
        connect != nullptr && !wire.greeted) {
      const std::size_t home =
          Index(broker::Shard::HomeOf(connect->client_id, options_.cores[node]));
      if (home != core && !connect->client_id.empty()) {
        Execute(node, core);
        return MoveWire(node, core, wire, home);
      }
      wire.greeted = true;
      wire.decoder.set_packet_bytes_max(options_.config.packet_bytes_max);
    }
    at += result.size;
    self.shard.OnPacket(wire.id, result.packet);
    const bool at_once =
        std::holds_alternative<mqtt::ConnectView>(result.packet) || self.shard.outbox().pauses;
    if (at_once || Chance(50)) Execute(node, core);
  }
  Execute(node, core);  // while the views into the input are valid
  wire.to_server.Consume(at);
}

// The descriptor goes to the client id's home core, with what was read from it.
void BrokerWorld::MoveWire(std::size_t node, std::size_t core, Wire& wire, std::size_t home) {
  nodes_[node].cores[core]->shard.OnDetached(wire.id);
  std::unique_ptr<Wire> moved = std::move(nodes_[node].cores[core]->wires[SlotOf(wire.id)]);
  Wire& fresh = AddWire(node, home);
  fresh.client = moved->client;
  fresh.to_server = std::move(moved->to_server);
  fresh.ended = moved->ended;
  fresh.broken = moved->broken;
  fresh.retry = true;  // its CONNECT is read again there
}

void BrokerWorld::PublishSystem(const broker::SystemTopic& topic) {
  for (std::size_t node = 0; node < nodes_.size(); ++node) {
    for (std::size_t core = 0; core < nodes_[node].cores.size(); ++core) {
      nodes_[node].cores[core]->shard.SetTime(NowOf(node));
      nodes_[node].cores[core]->shard.PublishSystem(topic);
      Execute(node, core);
    }
  }
}

// Effects.

void BrokerWorld::Execute(std::size_t node, std::size_t core) {
  Core& self = *nodes_[node].cores[core];
  broker::Outbox& out = self.shard.outbox();
  if (out.empty()) return;
  for (const ConnectionEffect& effect : out.connections) ExecuteOn(node, core, effect);
  for (broker::CoreEffect& effect : out.cores) {
    if (Index(effect.to) == core) Fault(node, core, "mail to itself");
    nodes_[node].cores[Index(effect.to)]->mail[core].push_back(std::move(effect.message));
  }
  for (broker::RecordEffect& effect : out.records) {
    if (on_record) on_record(node, effect.record);
    Append(node, core, effect);
  }
  for (const broker::AcknowledgeEffect& effect : out.acknowledgements)
    Acknowledge(node, core, effect);
  out.Clear();
}

void BrokerWorld::Append(std::size_t node, std::size_t core, broker::RecordEffect& effect) {
  if (options_.partners != nullptr)
    return options_.partners->Append(node, core, effect.number, std::move(effect.record));
  Core& self = *nodes_[node].cores[core];
  if (effect.number != ++self.appended) Fault(node, core, "a gap in the stream");
  if (self.epoch != nodes_[node].epoch) return;  // the partner is gone, the core hears it soon
  Lane& lane = nodes_[node].lanes[core];
  if (std::holds_alternative<broker::SnapshotEndRecord>(effect.record))
    lane.snapshot_end = effect.number;
  lane.sender.Append(effect.number, std::move(effect.record));
  SendBatches(node, core);
}

void BrokerWorld::Acknowledge(std::size_t node, std::size_t core,
                              const broker::AcknowledgeEffect& effect) {
  if (options_.partners != nullptr)
    return options_.partners->Acknowledge(node, core, effect.stream, effect.number);
  const Core& self = *nodes_[node].cores[core];
  if (self.epoch != nodes_[node].epoch || self.epoch != nodes_[1 - node].epoch) return;
  nodes_[1 - node].lanes[Index(effect.stream)].receiver.Applied(effect.number);
  SendApplied(node, Index(effect.stream));
}

void BrokerWorld::ExecuteOn(std::size_t node, std::size_t core, const ConnectionEffect& effect) {
  if (effect.kind == ConnectionEffect::Kind::kSend) {
    return Send(node, core, nodes_[node].cores[core]->shard.outbox().sends[effect.send]);
  }
  Wire* const wire = FindWire(node, core, effect.connection);
  if (wire == nullptr) return;
  if (wire->closing) Fault(node, core, "an effect on a connection that is closing");
  switch (effect.kind) {
    case ConnectionEffect::Kind::kSend:
      return;
    case ConnectionEffect::Kind::kClose:
      wire->closing = true;
      if (effect.reset) wire->to_client.Clear();
      return;
    case ConnectionEffect::Kind::kPause:
      wire->paused = true;
      return;
    case ConnectionEffect::Kind::kResume:
      wire->paused = false;
      wire->retry = true;
      return;
    case ConnectionEffect::Kind::kHold:
      wire->held = true;
      return;
    case ConnectionEffect::Kind::kRelease:
      wire->held = false;
      wire->retry = true;
      return;
  }
}

void BrokerWorld::Send(std::size_t node, std::size_t core, const broker::SendEffect& send) {
  if (send.size == 0 && send.payload == nullptr) Fault(node, core, "a send of no bytes");
  Wire* const wire = FindWire(node, core, send.connection);
  if (wire == nullptr) return;
  if (wire->closing) return Fault(node, core, "bytes behind a close");
  const std::size_t start = wire->to_client.size();
  wire->to_client.Append(
      nodes_[node].cores[core]->shard.outbox().bytes.bytes(send.offset, send.size));
  if (send.id_offset != 0) {
    std::uint8_t* const id = wire->to_client.data() + start + send.id_offset;
    id[0] = static_cast<std::uint8_t>(send.packet_id >> 8);
    id[1] = static_cast<std::uint8_t>(send.packet_id & 0xFF);
  }
  if (send.payload != nullptr) wire->to_client.Append(send.payload->payload());
}

// The kernel takes what it is given and hands it to those who read.
void BrokerWorld::Flush(std::size_t node, std::size_t core) {
  for (const auto& wire : nodes_[node].cores[core]->wires) {
    if (!wire) continue;
    MqttClient* const client = wire->client;
    if (!wire->to_client.empty() && (client == nullptr || client->reads)) {
      wire->unreported += wire->to_client.size();
      if (client != nullptr) client->OnBytes(wire->to_client.bytes());
      wire->to_client.Clear();
    }
    if (wire->closing && !wire->ended && wire->to_client.empty()) {
      wire->ended = true;
      if (client != nullptr) client->OnClosed();
      wire->client = nullptr;
    }
  }
}

// The pair.

MonoNs BrokerWorld::LinkDue() {
  const auto bound = static_cast<std::size_t>(options_.link_delay_max_ns);
  return now_ + static_cast<MonoNs>(Below(bound));
}

// What may be sent of the stream of `core`, as far as there is a connection.
void BrokerWorld::SendBatches(std::size_t node, std::size_t core) {
  Lane& lane = nodes_[node].lanes[core];
  while (const auto batch = lane.sender.NextBatch()) {
    for (std::size_t i = 0; i < batch->count; ++i) {
      const std::uint64_t number = batch->first + i;
      lane.records.push_back({LinkDue(), nodes_[node].epoch, number, lane.sender.record(number)});
    }
    if (!lane.sender.OnReceived(batch->last()).ok()) Fault(node, core, "a receipt that cannot be");
  }
}

// `node` says how far it has applied the other node's stream.
void BrokerWorld::SendApplied(std::size_t node, std::size_t stream) {
  Lane& lane = nodes_[1 - node].lanes[stream];
  if (const auto number = lane.receiver.TakeAck())
    lane.applied.push_back({LinkDue(), nodes_[node].epoch, *number});
}

void BrokerWorld::OpenLanes(std::size_t node) {
  for (std::size_t core = 0; core < nodes_[node].lanes.size(); ++core) {
    Lane& lane = nodes_[node].lanes[core];
    if (!lane.sender.Resume(lane.receiver.received()).ok())
      Fault(node, core, "a stream that cannot go on");
    lane.receiver.Resume();
    SendBatches(node, core);
    SendApplied(1 - node, core);
  }
}

// With all that is on the way.
void BrokerWorld::CutLanes(std::size_t node) {
  for (Lane& lane : nodes_[node].lanes) {
    lane.records.clear();
    lane.applied.clear();
    lane.sender.Suspend();
    lane.receiver.Suspend();
  }
}

void BrokerWorld::BreakLanes() {
  if (nodes_[0].epoch == 0 || nodes_[0].epoch != nodes_[1].epoch) return;
  for (std::size_t node = 0; node < nodes_.size(); ++node) {
    for (Lane& lane : nodes_[node].lanes) {
      lane.records.resize(Below(lane.records.size() + 1));
      lane.applied.clear();
      lane.sender.Suspend();
      lane.receiver.Suspend();
    }
  }
  for (std::size_t node = 0; node < nodes_.size(); ++node) OpenLanes(node);
}

bool BrokerWorld::InStep() const {
  if (nodes_[0].epoch == 0 || nodes_[0].epoch != nodes_[1].epoch) return false;
  return std::all_of(nodes_.begin(), nodes_.end(), [](const Node& node) {
    return std::all_of(node.lanes.begin(), node.lanes.end(), [](const Lane& lane) {
      return lane.snapshot_end != 0 && lane.sender.applied() >= lane.snapshot_end;
    });
  });
}

void BrokerWorld::Pair() {
  TANDEM_CHECK(nodes_.size() == 2 && alive(0) && alive(1) && nodes_[0].epoch == 0);
  ++epochs_;
  for (std::size_t node = 0; node < 2; ++node) {
    nodes_[node].epoch = epochs_;
    nodes_[node].lanes = std::vector<Lane>(options_.cores[node]);
    for (Lane& lane : nodes_[node].lanes)
      lane.sender = cluster::StreamSender(cluster::StreamSender::Limits());
    const broker::PeerEpoch epoch{.epoch = epochs_,
                                  .self = static_cast<NodeId>(node),
                                  .peer = static_cast<NodeId>(1 - node),
                                  .self_incarnation = Incarnation{nodes_[node].incarnation},
                                  .peer_incarnation = Incarnation{nodes_[1 - node].incarnation},
                                  .peer_cores = options_.cores[1 - node],
                                  .brakes = !options_.oldest_partner,
                                  .group_spares = options_.group_spares && !options_.oldest_partner,
                                  .merge_reports = !options_.oldest_partner,
                                  .copy_hashes = options_.copy_hashes && !options_.oldest_partner,
                                  .routed = !options_.oldest_partner,
                                  .placed_publishes = !options_.oldest_partner};
    for (const auto& core : nodes_[node].cores) core->pair_events.emplace_back(PeerUp{epoch});
  }
  for (std::size_t node = 0; node < nodes_.size(); ++node) OpenLanes(node);
}

bool BrokerWorld::paired(std::size_t node) const {
  const Node& self = nodes_[node];
  return self.epoch != 0 &&
         std::all_of(self.cores.begin(), self.cores.end(),
                     [&](const auto& core) { return core->epoch == self.epoch; });
}

void BrokerWorld::EndEpoch(std::size_t index) {
  Node& node = nodes_[index];
  if (node.epoch == 0) return;
  for (std::size_t each = 0; each < nodes_.size(); ++each) CutLanes(each);
  node.epoch = 0;
  for (const auto& core : node.cores) core->pair_events.emplace_back(PeerDown{});
}

void BrokerWorld::Unpair() {
  for (std::size_t node = 0; node < nodes_.size(); ++node) EndEpoch(node);
}

void BrokerWorld::Crash(std::size_t index) {
  Node& node = nodes_[index];
  if (options_.partners != nullptr) options_.partners->Kill(index);
  for (const auto& core : node.cores) {
    for (const auto& wire : core->wires) {
      if (wire && wire->client != nullptr) wire->client->OnClosed();
    }
  }
  node.cores.clear();
  node.frozen = node.records_held = node.acks_held = false;
  node.epoch = 0;
  if (nodes_.size() == 1) return;
  for (Lane& lane : node.lanes) {
    lane.records.resize(Below(lane.records.size() + 1));
    lane.applied.clear();
  }
  for (Lane& lane : nodes_[1 - index].lanes) {
    lane.applied.resize(Below(lane.applied.size() + 1));
    lane.records.clear();
  }
}

void BrokerWorld::Kill(std::size_t node) {
  Crash(node);
  Unpair();
}

void BrokerWorld::Start(std::size_t node) {
  TANDEM_CHECK(!alive(node));
  StartShards(node);
}

}  // namespace tandem::testing
