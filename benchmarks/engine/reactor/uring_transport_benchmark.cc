// The transport against itself: an echo server on one core, clients on another, over loopback with
// reno.
//
// Frames of 64 bytes; each connection keeps `window` of them under way. The server echoes what a
// slice holds with one send, which is what the broker's coalescing amounts to.
#include <benchmark/benchmark.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "engine/reactor/affinity.h"
#include "engine/reactor/monotonic_clock.h"
#include "engine/reactor/uring_transport.h"

namespace tandem::reactor {
namespace {

constexpr std::size_t kFrameBytes = 64;

unsigned CpuAt(std::size_t index) {
  static const std::vector<unsigned> cpus = AvailableCpus();
  return cpus[index % cpus.size()];
}

UringOptions Options() {
  UringOptions options;
  options.sockets.congestion_control = "reno";
  return options;
}

std::unique_ptr<UringTransport> MakeTransport() {
  auto made = UringTransport::Create(Options());
  if (!made.ok()) {
    std::fprintf(stderr, "%s\n", std::string(made.status().message()).c_str());
    std::abort();
  }
  return *std::move(made);
}

std::size_t SlotOf(ConnectionId id) {
  return static_cast<std::uint32_t>(static_cast<std::uint64_t>(id));
}

double ThreadCpuNs() {
  timespec cpu;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
  return static_cast<double>(cpu.tv_sec) * 1e9 + static_cast<double>(cpu.tv_nsec);
}

// Echoes through one output block per connection, one send in flight.
class EchoServer {
 public:
  void Run(std::atomic<std::uint16_t>& port, const std::atomic<bool>& stop) {
    benchmark::DoNotOptimize(PinThread(CpuAt(1)).ok());
    transport_ = MakeTransport();
    const ListenerId listener = transport_->Listen({.endpoint = {"127.0.0.1", 0}}).value();
    port.store(transport_->LocalEndpoint(listener).port);
    const double began_ns = ThreadCpuNs();
    while (!stop.load(std::memory_order_relaxed)) {
      transport_->Poll(MonotonicNow(), *this);
      FlushDirty();
      // Submits and waits in one call; returns at once while there are completions.
      transport_->Wait(MonotonicNow(), MonotonicNow() + 10 * kNanosecondsPerMillisecond);
    }
    counters = transport_->counters();
    cpu_ns = ThreadCpuNs() - began_ns;
    transport_ = nullptr;
  }

  void OnAccepted(ListenerId, ConnectionId id, const Endpoint&) {
    if (connections_.size() <= SlotOf(id)) connections_.resize(SlotOf(id) + 1);
  }
  void OnAcceptFailed(ListenerId, const absl::Status&) {}
  void OnConnected(ConnectionId, const absl::Status&) {}
  void OnReceived(ConnectionId id, ReceivedSlice slice) {
    Out& out = connections_[SlotOf(id)];
    out.waiting.append(reinterpret_cast<const char*>(slice.bytes.data()), slice.bytes.size());
    transport_->Release(slice);
    if (!out.dirty) dirty_.push_back(id);
    out.dirty = true;
  }
  void OnReceivedDirect(ConnectionId, std::size_t) {}
  void OnSent(ConnectionId id) {
    Out& out = connections_[SlotOf(id)];
    out.sending.clear();
    if (!out.dirty && !out.waiting.empty()) {
      dirty_.push_back(id);
      out.dirty = true;
    }
  }
  void OnDetached(ConnectionId, std::unique_ptr<Handoff>) {}
  void OnClosed(ConnectionId id, CloseReason) { connections_[SlotOf(id)] = {}; }

  UringCounters counters;
  double cpu_ns = 0;  // of the server's thread, which tells more than time on a shared machine

 private:
  struct Out {
    std::string waiting;
    std::string sending;
    bool dirty = false;
  };
  void FlushDirty() {
    for (const ConnectionId id : dirty_) {
      Out& out = connections_[SlotOf(id)];
      out.dirty = false;
      if (!out.sending.empty() || out.waiting.empty()) continue;
      out.sending.swap(out.waiting);
      const Fragment fragment{reinterpret_cast<const std::uint8_t*>(out.sending.data()),
                              out.sending.size()};
      transport_->Send(id, {&fragment, 1});
    }
    dirty_.clear();
  }

  std::unique_ptr<UringTransport> transport_;
  std::vector<Out> connections_;
  std::vector<ConnectionId> dirty_;
};

// Keeps a window of frames under way on each connection.
class Clients {
 public:
  Clients(std::size_t connections, std::size_t window)
      : wanted_(connections), window_bytes_(window * kFrameBytes), frames_(window_bytes_, 'x') {}

  void Connect(std::uint16_t port) {
    transport_ = MakeTransport();
    for (std::size_t i = 0; i < wanted_; ++i) {
      benchmark::DoNotOptimize(transport_->Connect({.remote = {"127.0.0.1", port}}).ok());
    }
    while (connected_ < wanted_) Turn();
  }
  // One turn; how many frames came back in it.
  std::size_t Turn() {
    const std::size_t before = received_bytes_;
    if (transport_->Poll(MonotonicNow(), *this) == 0) {
      transport_->Wait(MonotonicNow(), MonotonicNow() + 10 * kNanosecondsPerMillisecond);
    } else {
      for (const ConnectionId id : dirty_) SendMore(id);
      dirty_.clear();
      transport_->Submit();
    }
    return (received_bytes_ - before) / kFrameBytes;
  }
  void Stop() { transport_ = nullptr; }

  void OnAccepted(ListenerId, ConnectionId, const Endpoint&) {}
  void OnAcceptFailed(ListenerId, const absl::Status&) {}
  void OnConnected(ConnectionId id, const absl::Status&) {
    ++connected_;
    if (due_.size() <= SlotOf(id)) due_.resize(SlotOf(id) + 1);
    due_[SlotOf(id)] = {window_bytes_, false};
    dirty_.push_back(id);
  }
  void OnReceived(ConnectionId id, ReceivedSlice slice) {
    received_bytes_ += slice.bytes.size();
    due_[SlotOf(id)].bytes += slice.bytes.size();
    transport_->Release(slice);
    dirty_.push_back(id);
  }
  void OnReceivedDirect(ConnectionId, std::size_t) {}
  void OnSent(ConnectionId id) {
    due_[SlotOf(id)].sending = false;
    dirty_.push_back(id);
  }
  void OnDetached(ConnectionId, std::unique_ptr<Handoff>) {}
  void OnClosed(ConnectionId, CloseReason) {}

 private:
  struct Due {
    std::size_t bytes = 0;
    bool sending = false;
  };
  void SendMore(ConnectionId id) {
    Due& due = due_[SlotOf(id)];
    if (due.sending || due.bytes == 0) return;
    const Fragment fragment{reinterpret_cast<const std::uint8_t*>(frames_.data()), due.bytes};
    due = {0, true};
    transport_->Send(id, {&fragment, 1});
  }

  const std::size_t wanted_;
  const std::size_t window_bytes_;
  const std::string frames_;
  std::unique_ptr<UringTransport> transport_;
  std::vector<Due> due_;
  std::vector<ConnectionId> dirty_;
  std::size_t connected_ = 0;
  std::size_t received_bytes_ = 0;
};

void BM_Echo(benchmark::State& state) {
  std::atomic<std::uint16_t> port{0};
  std::atomic<bool> stop{false};
  EchoServer server;
  std::thread server_thread([&] { server.Run(port, stop); });
  while (port.load() == 0) std::this_thread::yield();
  std::thread client_thread([&] {
    benchmark::DoNotOptimize(PinThread(CpuAt(0)).ok());
    Clients clients(static_cast<std::size_t>(state.range(0)),
                    static_cast<std::size_t>(state.range(1)));
    clients.Connect(port.load());
    std::size_t frames = 0;
    for (auto _ : state) frames += clients.Turn();
    state.counters["frames/s"] =
        benchmark::Counter(static_cast<double>(frames), benchmark::Counter::kIsRate);
    clients.Stop();
    stop.store(true);
  });
  client_thread.join();
  server_thread.join();
  const auto per = [](std::uint64_t part, std::uint64_t whole) {
    return static_cast<double>(part) / static_cast<double>(whole == 0 ? 1 : whole);
  };
  state.counters["server_ns/frame"] =
      server.cpu_ns * kFrameBytes / static_cast<double>(server.counters.sent_bytes);
  state.counters["frames/enter"] =
      per(server.counters.sent_bytes / kFrameBytes, server.counters.enters);
  state.counters["frames/send"] =
      per(server.counters.sent_bytes / kFrameBytes, server.counters.sends);
}
BENCHMARK(BM_Echo)
    ->ArgNames({"connections", "window"})
    ->Args({1, 1})
    ->Args({1, 50})
    ->Args({50, 1})
    ->Args({50, 50})
    ->Args({500, 10})
    ->UseRealTime()
    ->MinTime(2.0);

// Accept, close, and everything in between, without a byte.
void BM_ConnectAndClose(benchmark::State& state) {
  struct Side : NullHandler {
    void OnConnected(ConnectionId id, const absl::Status&) {
      transport->Close(id, CloseMode::kReset);
    }
    void OnClosed(ConnectionId, CloseReason) { ++closed; }
    UringTransport* transport = nullptr;
    std::int64_t closed = 0;
  } server, client;
  const auto server_transport = MakeTransport();
  const auto client_transport = MakeTransport();
  server.transport = server_transport.get();
  client.transport = client_transport.get();
  const ListenerId listener = server_transport->Listen({.endpoint = {"127.0.0.1", 0}}).value();
  const Endpoint remote = server_transport->LocalEndpoint(listener);
  constexpr std::int64_t kBatch = 64;
  for (auto _ : state) {
    const std::int64_t until_client = client.closed + kBatch;
    const std::int64_t until_server = server.closed + kBatch;
    for (std::int64_t i = 0; i < kBatch; ++i)
      benchmark::DoNotOptimize(client_transport->Connect({.remote = remote}).ok());
    while (client.closed < until_client || server.closed < until_server) {
      client_transport->Poll(MonotonicNow(), client);
      client_transport->Submit();
      server_transport->Poll(MonotonicNow(), server);
      server_transport->Submit();
    }
  }
  state.SetItemsProcessed(state.iterations() * kBatch);
}
BENCHMARK(BM_ConnectAndClose);

}  // namespace
}  // namespace tandem::reactor
