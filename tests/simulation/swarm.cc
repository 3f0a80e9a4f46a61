#include "tests/simulation/swarm.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/strings.h"
#include "tests/simulation/copies.h"

namespace tandem::testing {
namespace {

// A record in a few words, for traces.
struct RecordText {
  static std::string Of(const broker::MessagePtr& message) {
    return message ? std::string(AsText(message->payload())) : "no message";
  }
  std::string operator()(const broker::PublishRecord& r) const {
    return absl::StrCat("publish ", Of(r.message), r.route ? "" : ", not routed",
                        r.groups.empty() ? "" : ", for a group",
                        r.spares.empty() ? "" : ", a spare",
                        r.given_back ? ", given back by " + r.given_back->client_id : "",
                        r.step ? absl::StrCat(", step ", r.step->packet_id) : "");
  }
  std::string operator()(const broker::RetainedRecord& r) const {
    return absl::StrCat("retained ", Of(r.message));
  }
  std::string operator()(const broker::InterestRecord& r) const {
    return absl::StrCat("interest ", r.filter, r.wanted ? "" : ", no longer");
  }
  std::string operator()(const broker::GroupInterestRecord& r) const {
    return absl::StrCat("group ", r.filter, ": ", r.online, " of ", r.total, ", copies ", r.copies);
  }
  std::string operator()(const broker::ClaimRecord& r) const {
    return absl::StrCat("claim of ", r.client_id, " at ", r.connected_at,
                        r.answer ? "" : ", a note");
  }
  std::string operator()(const broker::ClaimReplyRecord& r) const {
    return absl::StrCat("answer to ", r.client_id, " at ", r.connected_at,
                        r.granted ? ": granted" : ": no", r.session_present ? ", present" : "");
  }
  std::string operator()(const broker::SessionRecord& r) const {
    return absl::StrCat("session ", r.client_id, " at ", r.connected_at, ", numbers ",
                        r.first_number, "..", r.next_number);
  }
  std::string operator()(const broker::SessionSubscriptionRecord& r) const {
    return absl::StrCat(r.client_id, r.subscribed ? " subscribes to " : " unsubscribes from ",
                        r.filter, " at ", r.changed_at);
  }
  std::string operator()(const broker::SessionMessageRecord& r) const {
    return absl::StrCat("message for ", r.client_id, ", number ", r.number, ": ", Of(r.message));
  }
  std::string operator()(const broker::SessionOrderRecord& r) const {
    std::string text = absl::StrCat("places of ", r.message.number, ":");
    for (const auto& place : r.places)
      absl::StrAppend(&text, " ", place.client_id, "/", place.number,
                      place.group ? " in group" : "");
    return text;
  }
  std::string operator()(const broker::SessionProgressRecord& r) const {
    std::string text = absl::StrCat("progress of ", r.client_id, ":");
    for (const auto& range : r.done) absl::StrAppend(&text, " ", range.first, "..", range.last);
    if (r.released != UINT64_MAX) absl::StrAppend(&text, " released ", r.released);
    return text;
  }
  std::string operator()(const broker::SessionReceivedIdRecord& r) const {
    return absl::StrCat(r.client_id, r.held ? " holds id " : " frees id ", r.packet_id);
  }
  std::string operator()(const broker::SessionAwayRecord& r) const {
    return absl::StrCat(r.client_id, " is away, will ", r.will_waits ? "waits" : "does not wait");
  }
  std::string operator()(const broker::SessionEndRecord& r) const {
    return r.client_id + " has ended";
  }
  std::string operator()(const broker::SessionWillDoneRecord& r) const {
    return "will of " + r.client_id + " is done";
  }
  std::string operator()(const broker::SessionMissingRecord& r) const {
    return absl::StrCat(r.client_id, " misses ", r.number);
  }
  std::string operator()(const broker::LentDoneRecord& r) const {
    return absl::StrCat("lent is done: ", r.message.number);
  }
  std::string operator()(const broker::BrakeRecord& r) const {
    return absl::StrCat("brake ", r.on ? "on" : "off", " for ", r.publisher);
  }
  std::string operator()(const broker::SessionHashRecord& r) const {
    return absl::StrCat("hash of ", r.client_id, " from place ", r.first);
  }
  std::string operator()(const broker::SessionAgainRecord& r) const {
    return absl::StrCat("again: ", r.client_id);
  }
  std::string operator()(const broker::MirroredRecord&) const { return "mirrored"; }
  std::string operator()(const broker::ApartRecord&) const { return "what it took alone"; }
  std::string operator()(const broker::SnapshotEndRecord&) const { return "end of the snapshot"; }
};

using mqtt::PacketType;
using mqtt::QoS;

constexpr std::size_t kTopics = 3;
constexpr MonoNs kGraceNs = 5 * kNanosecondsPerSecond;

struct FaultName {
  std::string_view name;
  bool Faults::*flag;
  bool of_real_pair = false;
};
constexpr FaultName kFaults[] = {
    {"crashes", &Faults::crashes},
    {"breaks", &Faults::breaks},
    {"moves", &Faults::moves},
    {"takeovers", &Faults::takeovers},
    {"holds", &Faults::holds},
    {"lane_breaks", &Faults::lane_breaks},
    {"freezes", &Faults::freezes},
    {"partitions", &Faults::partitions},
    {"clocks", &Faults::clocks},
    {"slow_clients", &Faults::slow_clients},
    {"churn", &Faults::churn},
    {"wills", &Faults::wills},
    {"group", &Faults::group},
    {"retained", &Faults::retained},
    {"one_way", &Faults::one_way, true},
    {"path_loss", &Faults::path_loss, true},
    {"stalls", &Faults::stalls, true},
    {"hosts", &Faults::hosts, true},
    {"witness_down", &Faults::witness_down, true},
};

// Half of what is allowed.
Faults Draw(const Faults& allowed, std::mt19937_64& random) {
  Faults drawn;
  for (const FaultName& fault : kFaults)
    drawn.*fault.flag = allowed.*fault.flag && random() % 2 == 0;
  return drawn;
}

std::string Text(const Faults& drawn) {
  std::string text;
  for (const FaultName& fault : kFaults) {
    if (drawn.*fault.flag) absl::StrAppend(&text, " ", ToAbsl(fault.name));
  }
  return text;
}

}  // namespace

Faults AllFaults() {
  Faults faults;
  for (const FaultName& fault : kFaults) faults.*fault.flag = !fault.of_real_pair;
  return faults;
}

bool ParseFaults(std::string_view names, Faults& faults) {
  faults = names == "all" ? AllFaults() : Faults();
  if (names == "all") return true;
  for (std::size_t at = 0; at <= names.size();) {
    const std::string_view name = names.substr(at, names.find(',', at) - at);
    const auto* const fault = std::find_if(std::begin(kFaults), std::end(kFaults),
                                           [&](const FaultName& f) { return f.name == name; });
    if (fault == std::end(kFaults)) return false;
    faults.*fault->flag = true;
    at += name.size() + 1;
  }
  return true;
}

WorldOptions Swarm::WorldOf(const SwarmOptions& options, const Faults& drawn,
                            WorldPartners* partners) {
  std::mt19937_64 random(options.seed ^ 0x5eed);
  WorldOptions world{.seed = options.seed, .partners = partners};
  world.cores = {static_cast<std::uint16_t>(1 + random() % 3),
                 static_cast<std::uint16_t>(1 + random() % 3)};
  world.link_delay_max_ns = static_cast<MonoNs>(random() % 4) * kNanosecondsPerMillisecond;
  world.config.will_grace_ns = kGraceNs;
  if (random() % 2 == 0) world.config.inflight_max = static_cast<std::uint16_t>(1 + random() % 7);
  // So low that publishers wait for nearly everybody.
  if (random() % 2 == 0) world.config.queue_mark_messages = 1 + random() % 5;
  world.copy_hashes = options.copy_hashes;
  world.oldest_partner = options.oldest_partner;
  world.config.copy_check_ns = 0;
  if (drawn.clocks) world.clock_error_ms = {0, static_cast<WallMs>(random() % 9'000) - 4'500};
  return world;
}

Swarm::Swarm(const SwarmOptions& options)
    : options_(options),
      random_(options.seed),
      drawn_(Draw(options.allowed, random_)),
      policy_(PolicyOf(options)),
      partners_(PartnersOf(options, policy_)),
      world_(WorldOf(options, drawn_, partners_.get())) {}

Verdict Swarm::Run() {
  if (options_.trace) {
    world_.on_record = [this](std::size_t from, const broker::PeerRecord& record) {
      Trace(absl::StrCat("    ", from, "> ", std::visit(RecordText{}, record)));
    };
  }
  AddActors();
  BeginPair();
  for (Actor& actor : actors_) Connect(actor);
  AddAction(true, 40, &Swarm::Publish);
  AddAction(true, 5, &Swarm::PassTime);
  AddAction(!partners_, 12, &Swarm::MoveCluster);
  AddAction(!partners_ && drawn_.crashes, 3, &Swarm::CrashOne);
  AddAction(drawn_.breaks, 6, &Swarm::BreakOne);
  AddAction(drawn_.breaks || drawn_.wills, 3, &Swarm::LeaveOne);
  AddAction(drawn_.takeovers, 4, &Swarm::TakeOver);
  AddAction(!partners_ && drawn_.holds, 6, &Swarm::HoldLink);
  AddAction(!partners_ && drawn_.freezes, 4, &Swarm::FreezeOne);
  AddAction(!partners_ && drawn_.partitions, 3, &Swarm::Partition);
  AddAction(drawn_.clocks, 2, &Swarm::SetClock);
  AddAction(drawn_.slow_clients, 6, &Swarm::ChangePace);
  AddAction(drawn_.churn, 6, &Swarm::ChangeSubscription);
  AddAction(drawn_.retained, 8, &Swarm::PublishRetained);
  AddAction(drawn_.lane_breaks, 4, &Swarm::BreakLanes);
  AddAction(true, 12, &Swarm::ConnectOne);
  if (partners_) AddPairActions();
  unsigned total = 0;
  for (const auto& [weight, action] : actions_) total += weight;
  for (std::uint64_t left = 20 + Below(options_.actions_max); left > 0; --left) {
    std::uint64_t ticket = Below(total);
    for (const auto& [weight, action] : actions_) {
      if (ticket < weight) {
        (this->*action)();
        break;
      }
      ticket -= weight;
    }
    for (std::uint64_t steps = Below(Chance(20) ? 60 : 8); steps > 0; --steps) world_.Step();
    Poll();
    if (!violations_.empty()) break;
  }
  if (violations_.empty()) Heal();
  const std::string_view policy = partners_ ? Name(policy_) : std::string_view();
  return {violations_, absl::StrCat("cores ", world_.cores(0), "+", world_.cores(1), Text(drawn_),
                                    partners_ ? ", " : "", ToAbsl(policy))};
}

void Swarm::AddAction(bool is, unsigned weight, Action action) {
  if (is) actions_.emplace_back(weight, action);
}

void Swarm::Trace(const std::string& what) {
  if (options_.trace)
    std::fprintf(stderr, "%9.3f ms  %s\n", static_cast<double>(world_.now()) / 1e6, what.c_str());
}

void Swarm::Violation(const std::string& what) {
  Trace("VIOLATION " + what);
  violations_.push_back(what);
}

// Clients.

Swarm::Actor& Swarm::AddActor(std::string id, bool persistent) {
  Actor& actor = actors_.emplace_back();
  actor.id = std::move(id);
  actor.persistent = persistent;
  actor.client = &world_.AddClient(actor.id, Chance(75) ? mqtt::Version::k5 : mqtt::Version::k311);
  actor.node = Below(2);
  if (Chance(50)) actor.client->publish_ids_max = 7;
  if (drawn_.wills && Chance(60)) {
    actor.has_will = true;
    actor.will_delay_s = static_cast<std::uint32_t>(std::array{0, 2, 10}[Below(3)]);
    if (actor.client->version() != mqtt::Version::k5) actor.will_delay_s = 0;
  }
  return actor;
}

void Swarm::AddActors() {
  for (std::uint64_t i = 0, count = 1 + Below(3); i < count; ++i) {
    Actor& actor = AddActor(absl::StrCat("p", i), Chance(60));
    actor.publishes = true;
  }
  for (std::uint64_t i = 0, count = 1 + Below(4); i < count; ++i) {
    Actor& actor = AddActor(absl::StrCat("s", i), Chance(70));
    actor.subscribes = true;
    actor.qos = Chance(50) ? 2 : 1;
    ledger_.AddSubscriber(actor.id, actor.persistent, actor.qos);
    actor.filters.push_back(Chance(50) ? "t/+" : absl::StrCat("t/", Below(kTopics)));
  }
  if (drawn_.group) {
    const bool persistent = Chance(70);
    const int qos = Chance(50) ? 2 : 1;
    for (std::uint64_t i = 0, count = 1 + Below(4); i < count; ++i) {
      Actor& actor = AddActor(absl::StrCat("m", i), persistent);
      actor.subscribes = actor.member = true;
      actor.qos = qos;
      ledger_.AddMember(actor.id, actor.persistent, actor.qos);
      actor.filters.push_back("$share/g/s/#");
    }
  }
  if (drawn_.wills) {
    Actor& actor = AddActor("heir", true);
    actor.subscribes = true;
    actor.has_will = false;
    actor.qos = 2;
    ledger_.AddSubscriber(actor.id, true, 2);
    actor.filters.push_back("w/#");
  }
}

Swarm::Actor* Swarm::Pick(const std::function<bool(const Actor&)>& is) {
  std::vector<Actor*> fitting;
  for (Actor& actor : actors_) {
    if (is(actor)) fitting.push_back(&actor);
  }
  return fitting.empty() ? nullptr : fitting[Below(fitting.size())];
}

// The balancer: a node that is ready; mostly the one where the client was.
std::optional<std::size_t> Swarm::NodeFor(const Actor& actor) {
  std::vector<std::size_t> nodes;
  for (std::size_t node = 0; node < 2; ++node) {
    if (ready(node)) nodes.push_back(node);
  }
  if (nodes.empty()) return std::nullopt;
  if (!drawn_.moves && ready(actor.node)) return actor.node;
  return nodes[Below(nodes.size())];
}

void Swarm::Connect(Actor& actor) {
  const auto node = NodeFor(actor);
  if (!node) return;
  actor.node = *node;
  actor.changed_sides |= parted_ && actor.node != actor.parted_from;
  actor.expects_session = (actor.has_session & OneNode(*node)) != 0;
  actor.greeted = actor.leaving = false;
  actor.was_open = true;
  mqtt::ConnectView connect{.clean_start = !actor.persistent,
                            .session_expiry_s = actor.persistent ? 3600u : 0u};
  Testament testament;
  if (actor.has_will) {
    testament = {.state = WillState::kUncertain,
                 .payload = absl::StrCat("w:", actor.id, ":", actor.wills.size()),
                 .delay_s = actor.will_delay_s};
    connect.will.emplace();
    connect.will->topic = "w/x";
    connect.will->payload = AsBytes(testament.payload);
    connect.will->qos = QoS::kExactlyOnce;
    connect.will->delay_s = testament.delay_s;
    // Which of two connections is the newer one the node sees, if the client does not wait for it.
    const std::size_t sender = drawn_.takeovers ? actor.wills.size() : 0;
    ledger_.OnPublish(absl::StrCat("will ", sender, " of ", actor.id), "w/x", testament.payload, 2,
                      kBothNodes);
  }
  actor.wills.push_back(testament);
  Trace(absl::StrCat(actor.id, " connects to node ", *node));
  world_.Open(*actor.client, *node);
  actor.client->SendConnect(connect);
}

// Which node takes what the publisher sends now. After it has changed sides, either side of a
// partition may take a packet identifier that was freed on the other one for one in use, and the
// message for a repeat: that is what P5 loses there. If clocks differ, the older half of its
// session may go on when they meet, with what was open on that side.
NodeSet Swarm::TakenBy(const Actor& actor, int qos) const {
  const bool may_be_taken_for_a_repeat = parted_ && qos == 2 && actor.changed_sides;
  return may_be_taken_for_a_repeat ? kNoNode : OneNode(actor.node);
}

void Swarm::Publish() {
  Actor* const actor = Pick([](const Actor& a) {
    return a.publishes && a.greeted && !a.leaving && a.client->connected();
  });
  if (actor == nullptr || actor->client->publishing() + 1 >= actor->client->publish_ids_max) return;
  const int qos = Chance(10) ? 0 : 1 + static_cast<int>(Below(2));
  const std::string topic = drawn_.group && Chance(40) ? "s/0" : absl::StrCat("t/", Below(kTopics));
  const std::string payload = absl::StrCat(actor->id, ".", actor->published++, "@", qos);
  Trace(absl::StrCat(actor->id, " publishes ", payload, " on ", topic));
  ledger_.OnPublish(actor->id, topic, payload, qos, TakenBy(*actor, qos));
  const std::uint16_t id = actor->client->SendPublish(topic, payload, qos);
  if (id != 0) actor->publishing[id] = payload;
  sent_at_[payload] = world_.now();
}

void Swarm::PublishRetained() {
  Actor* const actor = Pick([](const Actor& a) {
    return a.publishes && a.greeted && !a.leaving && a.client->connected();
  });
  if (actor == nullptr || actor->client->publishing() + 1 >= actor->client->publish_ids_max) return;
  const std::string payload = absl::StrCat("r.", actor->id, ".", actor->published++);
  Trace(absl::StrCat(actor->id, " retains ", payload));
  actor->retained_since.push_back(payload);
  const std::uint16_t id =
      actor->client->SendPublish("r/" + actor->id, payload, 1, {.retain = true});
  actor->publishing[id] = payload;
}

void Swarm::Subscribe(Actor& actor, const std::string& filter) {
  Trace(absl::StrCat(actor.id, " subscribes to ", filter));
  const std::uint16_t id =
      actor.client->SendSubscribe({{filter, {.qos = static_cast<QoS>(actor.qos)}}});
  actor.subscribing[id] = filter;
}

void Swarm::ChangeSubscription() {
  Actor* const actor = Pick([](const Actor& a) {
    return a.subscribes && !a.member && a.id != "heir" && a.greeted && !a.leaving &&
           a.client->connected();
  });
  if (actor == nullptr) return;
  const std::string filter = Chance(30) ? "t/+" : absl::StrCat("t/", Below(kTopics));
  const auto wanted = std::find(actor->filters.begin(), actor->filters.end(), filter);
  if (wanted == actor->filters.end()) {
    actor->filters.push_back(filter);
    return Subscribe(*actor, filter);
  }
  // What is under way for the filter is answered first, so that its state is known.
  const auto is_this = [&](const auto& each) { return each.second == filter; };
  if (std::any_of(actor->subscribing.begin(), actor->subscribing.end(), is_this)) return;
  if (std::any_of(actor->unsubscribing.begin(), actor->unsubscribing.end(), is_this)) return;
  Trace(absl::StrCat(actor->id, " unsubscribes from ", filter));
  actor->filters.erase(wanted);
  ledger_.OnUnsubscribing(actor->id, filter);
  if (drawn_.clocks) actor->withdrawn.insert(filter);
  actor->unsubscribing[actor->client->SendUnsubscribe({filter})] = filter;
}

void Swarm::BreakOne() {
  Actor* const actor = Pick([](const Actor& a) { return a.client->open(); });
  if (actor == nullptr) return;
  Trace(absl::StrCat(actor->id, " loses its connection"));
  world_.Break(*actor->client);
}

void Swarm::LeaveOne() {
  Actor* const actor =
      Pick([](const Actor& a) { return a.greeted && !a.leaving && a.client->connected(); });
  if (actor == nullptr) return;
  Trace(absl::StrCat(actor->id, " disconnects"));
  actor->leaving = true;
  actor->client->SendDisconnect();
}

// The client's connection is dead, the server does not know, and here it is again.
void Swarm::TakeOver() {
  Actor* const actor = Pick([](const Actor& a) { return a.client->open() && !a.leaving; });
  if (actor == nullptr) return;
  Trace(absl::StrCat(actor->id, " leaves a connection behind"));
  OnLost(*actor);
  Connect(*actor);
}

void Swarm::ChangePace() {
  Actor& actor = actors_[Below(actors_.size())];
  actor.client->reads = Chance(70);
  actor.client->acknowledges = Chance(70);
}

void Swarm::ConnectOne() {
  if (Actor* const actor = Pick([](const Actor& a) { return !a.client->open(); })) Connect(*actor);
}

// What the clients have seen since the last time.
void Swarm::Poll() {
  CheckHashes();
  for (Actor& actor : actors_) {
    if (actor.client->connected() && !actor.greeted) OnConnected(actor);
    for (; actor.answers_seen < actor.client->answers.size(); ++actor.answers_seen)
      OnAnswer(actor, actor.client->answers[actor.answers_seen]);
    for (; actor.received_seen < actor.client->received.size(); ++actor.received_seen) {
      const Received& message = actor.client->received[actor.received_seen];
      if (options_.trace)
        Trace(absl::StrCat(actor.id, " gets ", message.payload, " as ", message.packet_id,
                           message.dup ? " dup" : ""));
      ledger_.OnReceived(actor.id, message);
    }
    if (actor.was_open && !actor.client->open()) OnLost(actor);
  }
  for (const std::string& violation : ledger_.violations) violations_.push_back(violation);
  ledger_.violations.clear();
  if (!partners_) return;
  CheckOneServes();
  CheckNoticed();
  StartAnew();
}

// What the nodes themselves have found.
void Swarm::CheckHashes() {
  for (std::size_t node = 0; node < 2; ++node) {
    for (std::size_t core = 0; world_.alive(node) && core < world_.cores(node); ++core) {
      for (const broker::CopyMismatch& mismatch : world_.shard(node, core).TakeCopyMismatches())
        Violation(absl::StrCat("the hash of ", mismatch.client_id, " differs, says node ", node));
    }
  }
}

void Swarm::OnConnected(Actor& actor) {
  actor.greeted = true;
  const bool present = actor.client->connack->session_present;
  Trace(absl::StrCat(actor.id, " is connected", present ? ", session present" : ""));
  if (actor.expects_session && !present) Violation(actor.id + " lost its session");
  if (!actor.persistent && present) Violation(actor.id + " has a session of before");
  Testament& will = actor.wills.back();
  if (actor.has_will) will.state = WillState::kLive;
  if (actor.wills.size() > 1) {
    Testament& before = actor.wills[actor.wills.size() - 2];
    if (before.state == WillState::kDue) {
      const MonoNs away = world_.now() - before.lost_at;
      const MonoNs delay = before.delay_s * kNanosecondsPerSecond;
      const bool in_time =
          actor.persistent && away < (before.node_died ? std::max(delay, kGraceNs) : delay) / 2;
      before.state = in_time && !split_ && !troubled_ ? WillState::kDropped : WillState::kUncertain;
    }
  }
  if (!present) {
    actor.client->ForgetSession();
    actor.publishing.clear();
    if (actor.subscribes) ledger_.OnSessionOver(actor.id);
  }
  if (actor.persistent) actor.has_session |= KnownOn(actor);
  if (!present) {
    for (const std::string& filter : actor.filters) Subscribe(actor, filter);
  } else {
    // What was under way when the connection was lost may or may not have been done.
    for (const std::string& filter : actor.filters) Subscribe(actor, filter);
  }
  for (const auto& [id, payload] : actor.publishing)
    ledger_.OnResent(payload, parted_ ? TakenBy(actor, payload.ends_with("@2") ? 2 : 1) : 0);
  actor.client->Resend();
}

void Swarm::OnLost(Actor& actor) {
  actor.was_open = false;
  actor.greeted = false;
  actor.subscribing.clear();
  actor.unsubscribing.clear();
  if (!actor.persistent && actor.subscribes) ledger_.OnSessionOver(actor.id);
  Testament& will = actor.wills.back();
  if (will.state != WillState::kLive) return;
  const bool alive = world_.alive(actor.node);
  if (actor.leaving) {
    will.state = alive && actor.client->disconnected == std::nullopt ? WillState::kUncertain
                                                                     : WillState::kUncertain;
  } else {
    will.state = WillState::kDue;
    will.lost_at = world_.now();
    will.node_died = !alive;
  }
}

void Swarm::OnAnswer(Actor& actor, const Answer& answer) {
  switch (answer.type) {
    case PacketType::kPuback:
    case PacketType::kPubrec: {
      const auto it = actor.publishing.find(answer.packet_id);
      if (it == actor.publishing.end()) return;
      ledger_.OnAcknowledged(it->second);
      if (partners_) CheckMayAcknowledge(actor, it->second);
      auto& since = actor.retained_since;
      if (const auto written = std::find(since.begin(), since.end(), it->second);
          written != since.end()) {
        since.erase(since.begin(), written);
        actor.retained_safe = true;
      }
      Trace(absl::StrCat(actor.id, " hears that ", it->second, " is safe"));
      return;
    }
    case PacketType::kSuback: {
      const auto it = actor.subscribing.find(answer.packet_id);
      if (it == actor.subscribing.end()) return;
      const auto& wanted = actor.filters;
      std::string filter = it->second;
      actor.subscribing.erase(it);
      if (std::find(wanted.begin(), wanted.end(), filter) == wanted.end()) return;
      Trace(absl::StrCat(actor.id, " is subscribed to ", filter));
      // Of SUBSCRIBE here and UNSUBSCRIBE on the other side the newer counts, by clocks that
      // differ.
      if (parted_ && actor.changed_sides && actor.withdrawn.contains(filter)) return;
      if (actor.member) filter = filter.substr(std::string_view("$share/g/").size());
      ledger_.OnSubscribed(actor.id, filter, KnownOn(actor));
      return;
    }
    case PacketType::kUnsuback: {
      const auto it = actor.unsubscribing.find(answer.packet_id);
      if (it == actor.unsubscribing.end()) return;
      if (!parted_) actor.withdrawn.erase(it->second);
      actor.unsubscribing.erase(it);
      return;
    }
    default:
      return;
  }
}

// Nodes.

bool Swarm::ready(std::size_t node) const {
  if (!world_.alive(node)) return false;
  return partners_ ? partners_->StatusOf(node).ready : ready_[node];
}

bool Swarm::InStep() const { return partners_ ? partners_->InStep() : world_.InStep(); }

void Swarm::BeginPair() {
  if (!partners_) {
    world_.Pair();
    return world_.Run();
  }
  for (int i = 0; i < 100 && !InStep(); ++i) world_.Advance(50 * kNanosecondsPerMillisecond);
  if (!InStep()) Violation("the nodes do not find each other");
}

// One node dies: one of two that hold the same, or one that is not in step yet.
void Swarm::CrashOne() {
  if (crashes_ >= 4 || !world_.alive(0) || !world_.alive(1)) return;
  std::size_t node = Below(2);
  if (world_.InStep()) {
    NoteInStep();
  } else {
    if (ready_[0] == ready_[1]) return;
    node = ready_[0] ? 1 : 0;
  }
  ++crashes_;
  Trace(absl::StrCat("node ", node, " dies"));
  world_.Crash(node);
  ledger_.OnNodeDied();
  ready_[node] = false;
}

// The pair's business goes on by one step: the survivor notices, the dead one starts, they meet,
// they are in step.
void Swarm::MoveCluster() {
  for (std::size_t node = 0; node < 2; ++node) {
    if (world_.alive(node)) continue;
    if (world_.in_epoch(1 - node)) {
      Trace(absl::StrCat("node ", 1 - node, " notices"));
      return world_.EndEpoch(1 - node);
    }
    Trace(absl::StrCat("node ", node, " starts"));
    return world_.Start(node);
  }
  if (world_.InStep()) {
    if (!ready_[0] || !ready_[1]) Trace("in step");
    NoteInStep();
  } else if (!world_.in_epoch(0) && !world_.in_epoch(1)) {
    Trace("the nodes meet");
    world_.Pair();
  } else if (!world_.in_epoch(0) || !world_.in_epoch(1)) {
    const std::size_t behind = world_.in_epoch(0) ? 0 : 1;
    Trace(absl::StrCat("node ", behind, " gives the other one up"));
    world_.EndEpoch(behind);
  }
}

void Swarm::NoteInStep() {
  ready_ = {true, true};
  if (!std::exchange(parted_, false)) return;
  ledger_.OnInStep();
  for (Actor& actor : actors_) {
    if (actor.has_session != 0) actor.has_session = kBothNodes;
    actor.withdrawn.clear();
  }
}

void Swarm::Partition() {
  if (!world_.alive(0) || !world_.alive(1) || !world_.InStep()) return;
  NoteInStep();
  split_ = parted_ = true;
  excuses_ = {.lost = false, .repeated = true, .reordered = true};
  for (Actor& actor : actors_) {
    actor.parted_from = actor.node;
    actor.changed_sides &= drawn_.clocks;
    if (actor.subscribes) ledger_.OnParted(actor.id, actor.node);
  }
  const std::size_t node = Below(2);
  Trace(absl::StrCat("node ", node, " loses sight of the other one"));
  world_.EndEpoch(node);
}

void Swarm::BreakLanes() {
  // One end that breaks behind a partition stays unheard of for as long as nobody sends.
  if (partners_ && partners_->cut()) return;
  Trace("lanes break");
  partners_ ? partners_->BreakConnections(Below(2)) : world_.BreakLanes();
}

void Swarm::HoldLink() {
  const std::size_t node = Below(2);
  world_.HoldRecords(node, Chance(40));
  world_.HoldAcknowledgements(node, Chance(40));
}

void Swarm::FreezeOne() {
  const std::size_t node = Below(2);
  if (world_.alive(node)) world_.Freeze(node, Chance(50));
}

void Swarm::SetClock() {
  world_.SetClockError(Below(2), static_cast<WallMs>(Below(9'000)) - 4'500);
}

void Swarm::PassTime() {
  world_.Advance(static_cast<MonoNs>(Below(Chance(10) ? 3'000 : 20)) * kNanosecondsPerMillisecond);
}

// The end.

void Swarm::Heal() {
  ending_ = true;
  Trace("everything heals");
  for (Actor& actor : actors_) actor.client->reads = true;
  partners_ ? HealPair() : HealModel();
  if (!InStep()) return Violation("the nodes do not come in step");
  NoteInStep();
  world_.AdvanceSeconds(3);
  Poll();
  CheckCopies("before the clients come back");
  if (!violations_.empty()) return;
  // Longer than any will is delayed. A real pair's heartbeats make time dear.
  const int wills_s = drawn_.wills ? 20 : 5;
  world_.AdvanceSeconds(partners_ ? wills_s : 60);
  Poll();
  CheckWills();
  Settle();
  Poll();
  ledger_.CheckAllArrived(excuses_);
  for (const std::string& violation : ledger_.violations) Violation(violation);
  CheckCopies("at the end");
  CheckRetained();
  CheckAtRest();
}

void Swarm::HealModel() {
  for (std::size_t node = 0; node < 2; ++node) {
    world_.HoldRecords(node, false);
    world_.HoldAcknowledgements(node, false);
    world_.Freeze(node, false);
  }
  for (int i = 0; i < 20 && !(world_.InStep() && ready_[0] && ready_[1]); ++i) {
    MoveCluster();
    world_.Run();
    if (i >= 10) world_.AdvanceSeconds(1);  // a place without its message is asked for then
    Poll();
  }
}

// All clients come back and do what they owe.
void Swarm::Settle() {
  for (int round = 0; round < 6; ++round) {
    for (Actor& actor : actors_) {
      const bool owes = !actor.client->acknowledges || actor.client->unacknowledged() != 0;
      if (owes && actor.client->open()) world_.Break(*actor.client);
    }
    world_.Run();
    Poll();
    for (Actor& actor : actors_) {
      actor.client->acknowledges = true;
      if (!actor.client->open()) Connect(actor);
    }
    world_.Run();
    Poll();
    world_.Run();
    Poll();
    world_.AdvanceSeconds(partners_ ? 1 : 2);
    Poll();
  }
}

// P8. How often each came can be read from what the heir got; its session was there all the time.
void Swarm::CheckWills() {
  if (!drawn_.wills) return;
  const Actor& heir = actors_.back();
  std::map<std::string, int> published;
  for (const Received& message : heir.client->received) ++published[message.payload];
  for (const Actor& actor : actors_) {
    for (const Testament& will : actor.wills) {
      const int count = published[will.payload];
      if (will.state == WillState::kDropped && count != 0)
        Violation(absl::StrCat(will.payload, " was published, and was not due (P8)"));
      if (count > 1 && !split_)
        Violation(absl::StrCat(will.payload, " was published ", count, " times (P8)"));
    }
  }
}

void Swarm::CheckCopies(const std::string& when) {
  for (const std::string& difference : DifferencesBetweenNodes(world_))
    Violation(absl::StrCat(when, ": ", difference));
}

// P9. The last value that was acknowledged, or one written after it.
void Swarm::CheckRetained() {
  if (!drawn_.retained || split_) return;
  for (const Actor& actor : actors_) {
    if (actor.retained_since.empty()) continue;
    for (std::size_t node = 0; node < 2; ++node) {
      std::string value;
      for (std::size_t core = 0; core < world_.cores(node); ++core) {
        if (const auto message = world_.shard(node, core).retained().Get("r/" + actor.id, 0))
          value = std::string(AsText(message->payload()));
      }
      const auto& allowed = actor.retained_since;
      if (value.empty() && !actor.retained_safe) continue;
      if (std::find(allowed.begin(), allowed.end(), value) == allowed.end())
        Violation(absl::StrCat("node ", node, " has retained ", value, " where ", allowed.front(),
                               " was acknowledged (P9)"));
    }
  }
}

void Swarm::CheckAtRest() {
  for (const Actor& actor : actors_) {
    if (!actor.client->connected()) Violation(actor.id + " cannot connect");
    if (actor.client->publishing() != 0)
      Violation(absl::StrCat(actor.id, " waits for ", actor.client->publishing(), " answers"));
    if (actor.client->unacknowledged() != 0) Violation(actor.id + " has unfinished messages");
  }
  const auto total = [&](auto of) { return world_.Total(of); };
  const std::int64_t online =
      total([](auto& m) { return m.sessions(metrics::SessionState::kOnline); });
  if (online != static_cast<std::int64_t>(actors_.size()))
    Violation(absl::StrCat(online, " sessions are online (P7)"));
  const std::int64_t queued = total([](auto& m) { return m.queued_messages(); });
  if (queued != 0) Violation(absl::StrCat(queued, " messages are still queued"));
  for (const std::string& fault : world_.Faults()) {
    // Each side gave its own messages the identifiers that the client has not completed (P5, which
    // a partition costs).
    if (split_ && fault.ends_with("a QoS 2 repeat without DUP")) continue;
    Violation(fault);
  }
}

}  // namespace tandem::testing
