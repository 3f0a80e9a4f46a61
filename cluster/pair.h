// The node's view of the pair: alone, linking, or in an epoch with its partner; when to dial, when
// the partner counts as gone, when this node may serve. Sans-I/O: events and time in, effects out;
// the coordinator on core 0 carries them out.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "cluster/failure_detector.h"
#include "engine/base/clock.h"
#include "engine/base/ids.h"
#include "engine/broker/replicator.h"

namespace tandem::cluster {

// Who the other end of an authenticated connection is.
struct PeerIdentity {
  std::string name;
  Incarnation incarnation{};
  std::uint16_t cores = 1;
  std::uint64_t features = 0;
  std::string release;
};

// Why an epoch ended.
enum class DownReason : std::uint8_t {
  kRefused,    // its process is gone: connections closed and refused
  kSilent,     // nothing heard in both directions for failure_after
  kRestarted,  // the partner came back as a new process
  kDropped,    // the partner had ended the epoch on its side
  kOutlived,   // the same, and this node had stood still: the partner has all that it had
  kLagging,    // it lives, but its acknowledgements lag behind what we allow
  kBroken,     // a lane broke the protocol
  kGoodbye,    // it stopped in good order
  kStopping,   // this node stops
};
inline constexpr std::size_t kDownReasons = 9;
std::string_view Name(DownReason reason) noexcept;

// What a node without an epoch brings into the next one (Standing).
enum class Holding : std::uint8_t {
  kNothing,  // it has just started
  kPart,     // it was not in step when it lost its partner
  kWhole,    // it was in step, and has acknowledged nothing since
  kServed,   // it has served by itself
};
bool IsBehind(Holding holding) noexcept;  // holds something, and does not serve
// Whether a node gives up what it holds, so that it gets all anew: what its clients were not told
// is safe must not come back as if it were. `dials`: of the node that would; between equals one has
// to.
bool Yields(Holding own, Holding other, bool dials) noexcept;

// What one node tells the other when they negotiate.
struct PairView {
  std::uint64_t epoch_max = 0;
  std::uint64_t epoch = 0;    // 0: alone
  std::uint32_t hold_ms = 0;  // begin no new epoch before
  Holding holding = Holding::kNothing;
};
struct PairVerdict {
  enum class Kind : std::uint8_t { kResume, kBegin, kLater };
  Kind kind{};
  std::uint64_t epoch = 0;  // the answering side's epoch after the answer; 0: alone
  std::uint32_t later_ms = 0;
  Holding holding = Holding::kNothing;  // of the answering side
};

// Effects, in the order in which they must be carried out.
struct DialPath {
  std::size_t path;
};  // ends in OnPathUp or OnDialFailed
struct ProbePath {
  std::size_t path;
};  // connect and close at once; ends in OnProbed or OnDialFailed
struct ClosePath {
  std::size_t path;
};  // reset it; nothing is reported back
struct SendProposal {
  std::size_t path;
  PairView view;
};
struct SendVerdict {
  std::size_t path;
  PairVerdict verdict;
};
struct SendBeat {
  std::size_t path;
  FailureDetector::Beat beat;
};
struct BeginEpoch {
  broker::PeerEpoch epoch;
  bool lane_frames = true;  // both nodes know LaneFrame (peer.capnp)
};                          // on all cores; ends in OnArmed
struct OpenLanes {
  std::uint64_t epoch;
};  // the dialer's cores dial their lanes
struct EndEpoch {
  std::uint64_t epoch;
  DownReason reason;
};
struct StartAnew {};  // this node is to come back as one that holds nothing
using PairEffect = std::variant<DialPath, ProbePath, ClosePath, SendProposal, SendVerdict, SendBeat,
                                BeginEpoch, OpenLanes, EndEpoch, StartAnew>;

// One per node, on core 0.
//
// The node with the lower name dials, the other listens, so there is one connection per path. Each
// new connection is negotiated before it counts: the dialer proposes how it sees the pair, and the
// listener decides. If both are in the same epoch with the same incarnation of each other, that
// epoch goes on and lanes resume where they were. Otherwise whoever is in an epoch leaves it, and a
// new one begins with a number above all that either has known. The listener begins first, on all
// its cores, and answers then; the dialer begins on all its cores before it dials a lane. So no
// record of an epoch reaches a core that has not begun it.
//
// Whoever ends an epoch resets its connections, so that the other side is told at once when it
// redials. A partner that was alive when it was dropped is not taken back at once if that happens
// again and again (hold).
//
// A node that stood still is *in doubt* until a beat that it has sent since is answered: the
// partner may have given it up and be serving its clients. If it has, this node brings nothing into
// the next epoch that the partner has not got, and gives up what it holds.
class Pair {
 public:
  struct Options {
    std::string name;
    Incarnation incarnation{};
    std::uint16_t cores = 1;
    std::uint64_t epoch_max = 0;  // the highest one known from an earlier run
    FailureDetector::Options detector;
    MonoNs start_grace =
        2 * kNanosecondsPerSecond;     // with neither answer nor refusal the partner counts as away
    bool serve_alone_at_start = true;  // false: a starting node waits for its partner
    MonoNs hold_first = 100 * kNanosecondsPerMillisecond;
    MonoNs hold_max = kNanosecondsPerSecond;
    MonoNs lag_hold = 10 * kNanosecondsPerSecond;
    std::uint64_t seed = 1;  // of the jitter of redials
    // The end of an epoch may need a decision (Standing): no other begins before both sides know
    // that it is over, and have said what they hold.
    bool careful = false;
  };
  enum class State : std::uint8_t { kAlone, kLinking, kArming, kPaired };

  explicit Pair(Options options);

  void Start(MonoNs now);
  // Who the partner is; `dialable` are the paths that this node can reach it by. Known from the
  // configuration, or discovered.
  void SetPeer(std::string_view name, std::size_t dialable, MonoNs now);
  bool peer_known() const noexcept { return !peer_name_.empty(); }
  bool dials() const noexcept { return peer_known() && options_.name < peer_name_; }

  void OnPathUp(std::size_t path, const PeerIdentity& peer, MonoNs now);
  void OnPathLost(std::size_t path, MonoNs now);
  // `refused`: nobody listens there, so no process of the partner runs on that host.
  void OnDialFailed(std::size_t path, bool refused, MonoNs now);
  void OnProbed(std::size_t path, MonoNs now);
  void OnProposal(std::size_t path, const PairView& view, MonoNs now);
  void OnVerdict(std::size_t path, const PairVerdict& verdict, MonoNs now);
  // Yields what to echo.
  std::uint64_t OnBeat(std::size_t path, const FailureDetector::Beat& beat, std::uint64_t epoch,
                       MonoNs now);
  std::optional<MonoNs> OnEcho(std::size_t path, std::uint64_t received, MonoNs now);
  void OnArmed(std::uint64_t epoch, MonoNs now);
  void OnInStep(std::uint64_t epoch, MonoNs now);
  void OnLagging(std::uint64_t epoch, MonoNs now);
  void OnLaneBroken(std::uint64_t epoch, MonoNs now);
  void OnGoodbye(MonoNs now);
  // A core of this node took no turn for longer than it wanted to sleep, until `now`.
  void OnStoodStill(MonoNs now);
  // What this node would bring into an epoch. Said anew whenever one has ended: until then a
  // careful node neither decides by it nor tells the partner.
  void SetHolding(Holding holding) noexcept {
    holding_ = holding;
    knows_holding_ = true;
  }
  // The highest epoch that somebody else knows of.
  void KnowEpoch(std::uint64_t epoch) noexcept { epoch_max_ = std::max(epoch_max_, epoch); }
  // No new connections from now on; the epoch goes on until End().
  void Stop() noexcept { stopping_ = true; }
  void End(MonoNs now);

  void Tick(MonoNs now);
  MonoNs NextDeadline(MonoNs now) const;
  std::vector<PairEffect> TakeEffects() { return std::exchange(effects_, {}); }
  bool HasEffects() const noexcept { return !effects_.empty(); }

  State state() const noexcept;
  bool suspect() const noexcept { return suspect_; }
  std::uint64_t epoch() const noexcept { return epoch_ ? epoch_->epoch : 0; }
  const std::optional<broker::PeerEpoch>& peer_epoch() const noexcept { return epoch_; }
  std::uint64_t epoch_max() const noexcept { return epoch_max_; }
  bool armed() const noexcept { return epoch_ && armed_; }
  bool in_step() const noexcept { return in_step_; }
  // Stood still, and has not heard yet that the partner is in this epoch still.
  bool in_doubt() const noexcept { return epoch_ && detector_.answered_at() < stood_still_at_; }
  MonoNs stood_still_at() const noexcept { return stood_still_at_; }
  // This node holds what the cluster knows, or may assume that nobody knows more. Once true it
  // stays true.
  bool ready() const noexcept { return ready_; }
  // Nobody listens on any path of the partner.
  bool refused() const noexcept;
  bool path_up(std::size_t path) const {
    return path < paths_.size() && paths_[path].link == Link::kConfirmed;
  }
  std::size_t paths() const noexcept { return paths_.size(); }

 private:
  enum class Link : std::uint8_t { kDown, kDialing, kUp, kConfirmed };
  struct Path {
    Link link = Link::kDown;
    bool proposing = false;
    bool refused = false;  // the last attempt found nobody
    std::uint32_t failures = 0;
    MonoNs act_at = 0;  // down: when to dial; up: when to propose, or when that was done
    MonoNs up_since = 0;
  };

  void Begin(std::uint64_t epoch, MonoNs now);
  void Leave(DownReason reason, MonoNs now);
  void Confirm(std::size_t path, MonoNs now);
  void Drop(std::size_t path, MonoNs now);
  void DropAll(MonoNs now);
  void Answer(std::size_t path, PairVerdict::Kind kind, std::uint32_t later_ms = 0);
  void Retry(Path& path, MonoNs now);
  void TickPath(std::size_t path, MonoNs now);
  void UpdateReady(MonoNs now);
  bool Settle(std::size_t path, const PairView& view, MonoNs now);
  bool Settle(Path& path, const PairVerdict& verdict, MonoNs now);
  bool NeedsCare(Holding other) const noexcept;
  Holding holding() const noexcept;
  void GiveUp();
  bool WaitsForNobody() const noexcept;
  bool MayPropose() const noexcept;
  DownReason ReasonOf(FailureDetector::Judgement judgement) const noexcept;
  MonoNs GiveUpAt(const Path& path) const noexcept;
  bool Reaches() const noexcept;
  std::uint32_t HoldMs(MonoNs now) const noexcept;
  std::uint64_t Random() noexcept;

  Options options_;
  std::string peer_name_;
  std::size_t dialable_ = 0;
  std::vector<Path> paths_;
  FailureDetector detector_;
  PeerIdentity peer_;  // at the end of the connections that are up
  std::optional<broker::PeerEpoch> epoch_;
  std::uint64_t epoch_max_;
  std::optional<std::size_t> answer_path_;  // listener: owes the verdict "begin" there, once armed
  bool armed_ = false;
  bool in_step_ = false;
  bool suspect_ = false;
  bool ready_ = false;
  bool stopping_ = false;
  bool gives_up_ = false;  // StartAnew is under way
  Holding holding_ = Holding::kNothing;
  bool knows_holding_ = true;
  MonoNs stood_still_at_ = 0;      // the end of the last time
  bool seen_since_doubt_ = false;  // a probe has found the partner's process since then
  MonoNs alone_since_ = 0;
  MonoNs hold_until_ = 0;
  MonoNs dropped_at_ = 0;
  std::uint32_t drops_ = 0;  // of a living partner, lately
  std::uint64_t random_;
  std::vector<PairEffect> effects_;
};

}  // namespace tandem::cluster
