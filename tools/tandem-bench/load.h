// The load itself: all clients, what they publish, and what is made of what they receive. Without
// sockets and without a clock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <queue>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/base/clock.h"
#include "engine/reactor/timer_wheel.h"
#include "tools/tandem-bench/client.h"
#include "tools/tandem-bench/flow_checker.h"
#include "tools/tandem-bench/latency_histogram.h"
#include "tools/tandem-bench/modes.h"
#include "tools/tandem-bench/options.h"
#include "tools/tandem-bench/pacer.h"

namespace tandem::bench {

enum class Phase : std::uint8_t {
  kConnecting,  // until every client has its CONNACK and SUBACK
  kSettling,    // interest reaches the other node
  kWarmingUp,
  kMeasuring,
  kDraining,  // nothing new is published; what is under way arrives
  kDone,
};

// What happened during some time.
struct Measurement {
  std::uint64_t published = 0;       // reconnects: connections opened
  std::uint64_t received = 0;        // copies, repetitions included; reconnects: CONNACKs
  LatencyHistogram latency;          // from the planned time to the subscriber; to CONNACK
  LatencyHistogram acknowledgement;  // from the planned time to PUBACK or PUBCOMP

  void Add(const Measurement& other);
  void Clear();
};

struct LoadErrors {
  std::uint64_t clients_lost = 0;       // refused, disconnected or broken
  std::uint64_t publishes_refused = 0;  // acknowledged with an error
  std::uint64_t foreign_messages = 0;   // nothing that this load has sent there
  std::uint64_t copies_given_up = 0;    // Pacer::GiveUpStalled
  std::string first;                    // the first one, in words

  std::uint64_t total() const noexcept {
    return clients_lost + publishes_refused + foreign_messages + copies_given_up;
  }
};

// Driven by its owner: streams report to On*(), Tick() once per turn, then every client in
// TakeDirty() has output to be sent. Lives on one thread.
class Load final : private ClientEvents {
 public:
  Load(const Options& options, LoadPlan plan, MonoNs now);

  std::size_t size() const noexcept { return plan_.clients.size(); }
  const ClientPlan& plan(std::uint32_t index) const { return plan_.clients[index]; }
  Client& client(std::uint32_t index) { return *clients_[index].client; }

  // The stream of a client is being opened; stands; has brought bytes; is gone (after Stop() that
  // is no error).
  void OnOpening(std::uint32_t index, MonoNs now);
  void OnConnected(std::uint32_t index, MonoNs now);
  void OnReceived(std::uint32_t index, Bytes bytes, MonoNs now);
  // All that its output() held when it was last sent is written.
  void OnWritten(std::uint32_t index, MonoNs now);
  void OnClosed(std::uint32_t index, std::string_view why, MonoNs now);

  // Moves to the next phase when it is time, and publishes what is due.
  void Tick(MonoNs now);
  // When Tick() has work without an event.
  MonoNs NextDeadline() const noexcept;
  // Ends publishing; what is under way is still received.
  void Stop(MonoNs now);

  // Clients whose output() is not empty or that broke the protocol (then close them). `out` is
  // overwritten.
  void TakeDirty(std::vector<std::uint32_t>& out);

  // Clients whose streams are to be opened again. `out` is appended to.
  void TakeReopening(std::vector<std::uint32_t>& out);
  // Once its output() is written, its stream is to be closed.
  bool IsLeaving(std::uint32_t index) const { return clients_[index].is_leaving; }
  // Whether something goes on with OnWritten: the client closes, or publishes without answers.
  bool IsWriteAwaited(std::uint32_t index) const;

  Phase phase() const noexcept { return phase_; }
  // How far the phase is, in words.
  std::string Progress(MonoNs now) const;
  // How long it took until every client was connected and subscribed; 0 before.
  MonoNs connect_time_ns() const noexcept { return connect_time_ns_; }
  std::uint32_t clients_ready() const noexcept { return ready_count_; }
  const LoadErrors& errors() const noexcept { return errors_; }

  // What happened since the last call. Call it once per second and after each change of phase.
  const Measurement& TakeRecent();
  // All of the measured time that TakeRecent() has handed out.
  const Measurement& measured() const noexcept { return measured_; }
  MonoNs measured_ns() const noexcept { return measured_end_ - measured_begin_; }

  // From the first message on, warm-up and drain included.
  FlowCounts Flows() const;
  std::uint64_t Lost() const;
  std::uint64_t published_ever() const noexcept { return sent_; }
  std::uint64_t received_ever() const noexcept { return received_; }

 private:
  struct Member {
    std::unique_ptr<Client> client;
    std::vector<FlowChecker> flows;          // of a subscriber, by publisher
    std::vector<std::uint64_t> shared_next;  // of a group's member: what it may get next
    std::uint32_t subscribed = 0;            // filters
    MonoNs opened_at = 0;
    bool is_connected = false;
    bool is_ready = false;
    bool is_gone = false;
    bool is_dirty = false;
    bool is_leaving = false;
  };
  struct Publisher {
    std::uint32_t index = 0;  // of its client
    std::uint64_t sequence = 0;
    Pacer pacer;
    bool is_waked = false;    // stands in waked_
    bool is_blocked = false;  // was due, but all packet ids were in use or too much unwritten
  };
  // Open loop: when which publisher is due, earliest first. Not in the wheel, whose tick of a
  // millisecond would count as the broker's latency.
  using Due = std::pair<MonoNs, std::uint32_t>;
  using DueQueue = std::priority_queue<Due, std::vector<Due>, std::greater<>>;
  // What a timer of the wheel stands for, in the upper half of its cookie.
  enum class Timer : std::uint32_t { kPhase, kPing, kStall };

  void OnConnack(Client& client, mqtt::ReasonCode reason) override;
  void OnSuback(Client& client, std::span<const mqtt::ReasonCode> codes) override;
  void OnMessage(Client& client, const mqtt::PublishView& message) override;
  void OnAcknowledged(Client& client, MonoNs planned_ns, mqtt::ReasonCode reason) override;

  void AddMember(std::uint32_t index);
  Pacer MakePacer(MonoNs offset) const;
  void OnTimer(std::uint64_t cookie);
  reactor::TimerId Schedule(Timer timer, std::uint32_t index, MonoNs deadline);
  void LoseClient(std::uint32_t index, std::string_view why);
  void SubscribeMore(std::uint32_t index);
  // Takes note of a message; true if it is there for the first time.
  bool Observe(Member& member, std::size_t flow, const Stamp& stamp,
               const mqtt::PublishView& message);
  void Leave(std::uint32_t index);
  void MarkReady(std::uint32_t index);
  void MarkDirty(std::uint32_t index);
  void NoteError(std::uint64_t& counter, std::string text);

  void Enter(Phase phase, MonoNs duration_ns);
  void NextPhase();
  void CheckConnecting();
  void StartPublishing();
  bool IsPublishing() const noexcept {
    return phase_ == Phase::kWarmingUp || phase_ == Phase::kMeasuring;
  }
  void Wake(std::uint32_t publisher);
  void PublishDue(Publisher& publisher);
  void GiveUpStalled();
  bool IsDrained() const;
  void CheckDrain();

  const Options options_;
  const LoadPlan plan_;
  const MonoNs begin_;
  MonoNs interval_ns_ = 0;
  MonoNs now_;
  reactor::TimerWheel wheel_;
  std::vector<Member> clients_;
  std::vector<Publisher> publishers_;
  std::vector<std::uint32_t> publisher_of_;  // by client index
  std::vector<std::uint32_t> waked_;         // publishers to look at in the next Tick()
  std::vector<std::uint32_t> waked_now_;
  std::vector<std::uint32_t> dirty_;
  std::vector<std::uint32_t> reopening_;
  std::vector<FlowChecker> shared_flows_;  // by publisher, over all members of the group
  std::uint64_t shared_reordered_ = 0;
  DueQueue due_;

  Phase phase_ = Phase::kConnecting;
  MonoNs phase_began_ = 0;
  reactor::TimerId phase_timer_ = reactor::kNoTimer;
  std::uint32_t ready_count_ = 0;
  std::uint32_t ready_seen_ = 0;  // while connecting
  MonoNs connect_time_ns_ = 0;
  MonoNs measured_begin_ = 0;
  MonoNs measured_end_ = 0;
  std::uint64_t delivered_ = 0;  // first arrivals, ever
  std::uint64_t received_ = 0;   // copies, ever
  std::uint64_t sent_ = 0;       // messages, ever
  std::uint64_t acknowledged_ = 0;
  std::uint64_t progress_seen_ = 0;  // while draining
  MonoNs drain_quiet_until_ = 0;
  Measurement current_;
  Measurement recent_;
  Measurement measured_;
  LoadErrors errors_;
};

}  // namespace tandem::bench
