#include "engine/reactor/memory_network.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"

namespace tandem::reactor {

MemoryNetwork::MemoryNetwork(const MemoryNetworkOptions& options)
    : options_(options), now_(options.start_ns), random_(options.seed) {}

MemoryNetwork::~MemoryNetwork() {
  is_over_ = true;
  events_.clear();
}

void MemoryNetwork::AdvanceTo(MonoNs time) {
  while (NextEvent() <= time && Step()) {
  }
  now_ = std::max(now_, time);
}

bool MemoryNetwork::Step() {
  if (events_.empty()) return false;
  const auto first = events_.begin();
  now_ = std::max(now_, first->first.first);
  const std::function<void()> what = std::move(first->second);
  events_.erase(first);
  what();
  return true;
}

void MemoryNetwork::Schedule(MonoNs time, std::function<void()> what) {
  if (is_over_) return;
  events_.emplace(std::pair(std::max(time, now_), sequence_++), std::move(what));
}

absl::StatusOr<Endpoint> MemoryNetwork::Listen(const Endpoint& endpoint, bool shared,
                                               std::uint64_t& key, Accept accept) {
  Endpoint bound = endpoint;
  if (bound.port == 0) bound.port = next_port_++;
  for (const auto& [other_key, other] : listeners_) {
    if (other.endpoint == bound && !(shared && other.shared)) {
      return absl::FailedPreconditionError(
          absl::StrCat("bind to ", ToString(bound), ": address already in use"));
    }
  }
  key = next_listener_++;
  listeners_.emplace(key, Listener{bound, shared, std::move(accept)});
  return bound;
}

void MemoryNetwork::StopListening(std::uint64_t key) { listeners_.erase(key); }

const MemoryNetwork::Listener* MemoryNetwork::FindListener(const Endpoint& remote) {
  std::vector<const Listener*> matching;
  for (const auto& [key, listener] : listeners_) {
    const std::string& host = listener.endpoint.host;
    const bool is_for_all = host == "0.0.0.0" || host == "::";
    if (listener.endpoint.port == remote.port && (is_for_all || host == remote.host))
      matching.push_back(&listener);
  }
  return matching.empty() ? nullptr : matching[connects_++ % matching.size()];
}

void MemoryNetwork::Connect(const Endpoint& local, const Endpoint& remote, Connected connected) {
  Schedule(now_ + Delay(), [this, local, remote, connected = std::move(connected)] {
    absl::StatusOr<std::shared_ptr<MemoryEnd>> result = absl::UnavailableError(
        absl::StrCat("connect to ", ToString(remote), ": connection refused"));
    if (const Listener* const listener = FindListener(remote); listener != nullptr) {
      auto [near, far] = MemoryEnd::MakePair(*this, local, remote);
      const Accept accept = listener->accept;  // the callee may stop listening
      accept(std::move(far));
      result = std::move(near);
    }
    Schedule(now_ + Delay(), [connected, result = std::move(result)] { connected(result); });
  });
}

std::size_t MemoryNetwork::SegmentSize(std::size_t available) {
  const std::size_t most = std::min(available, options_.segment_bytes_max);
  return options_.seed == 0 ? most : 1 + static_cast<std::size_t>(random_() % most);
}

MonoNs MemoryNetwork::Delay() {
  if (options_.jitter_ns == 0) return options_.latency_ns;
  return options_.latency_ns +
         static_cast<MonoNs>(random_() % static_cast<std::uint64_t>(options_.jitter_ns));
}

std::pair<std::shared_ptr<MemoryEnd>, std::shared_ptr<MemoryEnd>> MemoryEnd::MakePair(
    MemoryNetwork& network, const Endpoint& first, const Endpoint& second) {
  auto near = std::make_shared<MemoryEnd>(network, first, second);
  auto far = std::make_shared<MemoryEnd>(network, second, first);
  near->peer_ = far;
  far->peer_ = near;
  return {std::move(near), std::move(far)};
}

MemoryEnd::~MemoryEnd() {
  if (!readable().empty() && !reset_arrived_) {
    Reset();
  } else {
    Finish();
  }
}

// Lets something arrive at the peer, behind everything sent before. If the peer is gone by then, a
// reset comes back, as from a closed socket.
void MemoryEnd::Transmit(std::function<void(MemoryEnd&)> arrive) {
  last_arrival_ = std::max(last_arrival_, network_.now() + network_.Delay());
  network_.Schedule(last_arrival_, [&network = network_, peer = peer_, self = weak_from_this(),
                                    arrive = std::move(arrive)] {
    if (const auto there = peer.lock()) {
      if (there->reset_sent_ || there->reset_arrived_) return;
      arrive(*there);
      there->Changed();
      return;
    }
    network.Schedule(network.now() + network.Delay(), [self] {
      const auto here = self.lock();
      if (here == nullptr) return;
      here->reset_arrived_ = true;
      here->Changed();
    });
  });
}

std::size_t MemoryEnd::Write(Bytes bytes) {
  TANDEM_CHECK(!finished_);
  if (reset_arrived_ || reset_sent_) return 0;
  const std::size_t window = network_.options().window_bytes;
  // As in TCP, a small opening of the window is not worth a segment.
  if (window - outstanding_ < std::min(bytes.size(), window / 4)) return 0;
  const std::size_t count = std::min(bytes.size(), window - outstanding_);
  outstanding_ += count;
  for (std::size_t at = 0; at < count;) {
    const std::size_t size = network_.SegmentSize(count - at);
    Transmit([text = std::string(AsText(bytes.subspan(at, size)))](MemoryEnd& peer) {
      peer.inbox_ += text;
    });
    at += size;
  }
  return count;
}

void MemoryEnd::Finish() {
  if (finished_ || reset_sent_ || reset_arrived_) return;
  finished_ = true;
  // A FIN to nobody needs no answer.
  last_arrival_ = std::max(last_arrival_, network_.now() + network_.Delay());
  network_.Schedule(last_arrival_, [peer = peer_] {
    const auto there = peer.lock();
    if (there == nullptr || there->reset_sent_) return;
    there->fin_arrived_ = true;
    there->Changed();
  });
}

void MemoryEnd::Reset() {
  if (reset_sent_ || reset_arrived_) return;
  reset_sent_ = true;
  inbox_.clear();
  read_ = 0;
  last_arrival_ = std::max(last_arrival_, network_.now() + network_.Delay());
  network_.Schedule(last_arrival_, [peer = peer_] {
    const auto there = peer.lock();
    if (there == nullptr) return;
    there->reset_arrived_ = true;
    there->Changed();
  });
}

void MemoryEnd::Consume(std::size_t count) {
  TANDEM_CHECK(count <= readable().size());
  read_ += count;
  if (read_ == inbox_.size()) {
    inbox_.clear();
    read_ = 0;
  }
  network_.Schedule(network_.now(), [peer = peer_, count] {
    const auto there = peer.lock();
    if (there == nullptr) return;
    there->outstanding_ -= count;
    there->Changed();
  });
}

}  // namespace tandem::reactor
