// A network inside one process, in virtual time: what kernel TCP is to UringTransport.
//
// Deterministic: the same calls with the same seed give the same bytes at the same times. One
// thread. Not for speed: every segment is a copy and an event.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/base/bytes.h"
#include "engine/base/clock.h"
#include "engine/reactor/transport.h"

namespace tandem::reactor {

struct MemoryNetworkOptions {
  MonoNs start_ns = kNanosecondsPerSecond;
  MonoNs latency_ns = 50'000;                 // one way
  std::size_t window_bytes = 256 * 1024;      // per direction: under way and not yet read
  std::size_t segment_bytes_max = 16 * 1024;  // arrives in one piece
  // 0: every segment is as long as it can be. Else segments are cut at random places and delayed by
  // up to `jitter_ns`.
  std::uint64_t seed = 0;
  MonoNs jitter_ns = 0;
};

class MemoryEnd;

// Time, the segments under way, and who listens where. Outlives everything that uses it.
class MemoryNetwork {
 public:
  using Accept = std::function<void(std::shared_ptr<MemoryEnd>)>;
  using Connected = std::function<void(absl::StatusOr<std::shared_ptr<MemoryEnd>>)>;

  explicit MemoryNetwork(const MemoryNetworkOptions& options = {});
  MemoryNetwork(const MemoryNetwork&) = delete;
  MemoryNetwork& operator=(const MemoryNetwork&) = delete;
  ~MemoryNetwork();

  MonoNs now() const noexcept { return now_; }
  // When something happens next; kNever if all is still.
  MonoNs NextEvent() const noexcept {
    return events_.empty() ? kNever : events_.begin()->first.first;
  }
  // Moves time forward and lets everything up to then happen, in order.
  void AdvanceTo(MonoNs time);
  // Lets the next thing happen. False if all is still.
  bool Step();

  // For transports and clients: Runs `what` at `time`, behind everything scheduled for then before.
  void Schedule(MonoNs time, std::function<void()> what);
  // Port 0 becomes a free one. AlreadyExists if somebody else has the endpoint and not both share
  // it.
  absl::StatusOr<Endpoint> Listen(const Endpoint& endpoint, bool shared, std::uint64_t& key,
                                  Accept accept);
  void StopListening(std::uint64_t key);
  // `connected` runs two latencies later; Unavailable if nobody listens.
  void Connect(const Endpoint& local, const Endpoint& remote, Connected connected);
  Endpoint AnyLocalEndpoint(const std::string& host) { return {host, next_port_++}; }
  std::size_t SegmentSize(std::size_t available);
  MonoNs Delay();
  const MemoryNetworkOptions& options() const noexcept { return options_; }

 private:
  struct Listener {
    Endpoint endpoint;
    bool shared = false;
    Accept accept;
  };
  const Listener* FindListener(const Endpoint& remote);

  const MemoryNetworkOptions options_;
  MonoNs now_;
  bool is_over_ = false;  // being destroyed: ends that die with their events say nothing more
  std::uint64_t sequence_ = 0;
  std::map<std::pair<MonoNs, std::uint64_t>, std::function<void()>> events_;
  std::map<std::uint64_t, Listener> listeners_;
  std::uint64_t next_listener_ = 0;
  std::uint64_t connects_ = 0;  // spreads over those who share an endpoint
  std::uint16_t next_port_ = 40'000;
  std::mt19937_64 random_;
};

// One end of a byte stream. Destroying it closes: FIN, or RST if bytes were left unread.
class MemoryEnd : public std::enable_shared_from_this<MemoryEnd> {
 public:
  static std::pair<std::shared_ptr<MemoryEnd>, std::shared_ptr<MemoryEnd>> MakePair(
      MemoryNetwork& network, const Endpoint& first, const Endpoint& second);
  MemoryEnd(MemoryNetwork& network, Endpoint local, Endpoint remote)
      : network_(network), local_(std::move(local)), remote_(std::move(remote)) {}
  MemoryEnd(const MemoryEnd&) = delete;
  MemoryEnd& operator=(const MemoryEnd&) = delete;
  ~MemoryEnd();

  const Endpoint& local() const noexcept { return local_; }
  const Endpoint& remote() const noexcept { return remote_; }
  // Called from the network's events when there is something to read, room to write, or an end. May
  // be empty.
  void OnChange(std::function<void()> on_change) { on_change_ = std::move(on_change); }

  // Takes as many bytes as the window has room for.
  std::size_t Write(Bytes bytes);
  void Finish();  // FIN behind what was written
  void Reset();   // RST; nothing is read or written here any more
  Bytes readable() const noexcept {
    return {reinterpret_cast<const std::uint8_t*>(inbox_.data()) + read_, inbox_.size() - read_};
  }
  void Consume(std::size_t count);
  bool at_end() const noexcept { return fin_arrived_ && readable().empty(); }
  bool was_reset() const noexcept { return reset_arrived_; }

 private:
  void Transmit(std::function<void(MemoryEnd&)> arrive);
  void Changed() {
    if (on_change_) on_change_();
  }

  MemoryNetwork& network_;
  const Endpoint local_;
  const Endpoint remote_;
  std::weak_ptr<MemoryEnd> peer_;
  std::function<void()> on_change_;
  MonoNs last_arrival_ = 0;      // at the peer: segments do not overtake
  std::size_t outstanding_ = 0;  // written and not yet read by the peer
  bool finished_ = false;
  bool reset_sent_ = false;
  std::string inbox_;
  std::size_t read_ = 0;  // of inbox_
  bool fin_arrived_ = false;
  bool reset_arrived_ = false;
};

}  // namespace tandem::reactor
