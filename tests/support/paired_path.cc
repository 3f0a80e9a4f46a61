#include "tests/support/paired_path.h"

#include <string>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/log.h"

namespace tandem::node {
namespace {

using cluster::testing::MemoryPort;

// A turn of a core under this load takes about as long.
constexpr MonoNs kTurnNs = 200'000;
constexpr int kStepsToPairMax = 200'000;
constexpr const char* kHosts[] = {"10.0.0.1", "10.0.0.2"};

cluster::ClusterOptions OptionsOf(const char* name) {
  cluster::ClusterOptions options;
  options.identity = {.cluster = "paired",
                      .node = name,
                      .incarnation = Incarnation{1},
                      .secret = "0123456789abcdef0123456789abcdef"};
  options.members = {{"alpha", {{kHosts[0], 7883}}}, {"beta", {{kHosts[1], 7883}}}};
  options.seed = 1;
  return options;
}

}  // namespace

// A link that goes over the network in memory instead of the core's transport, by the path's time.
class PairedPath::Link final : public PartnerLink {
 public:
  Link(std::unique_ptr<PartnerLink> link, MemoryPort& port, const Now& now)
      : link_(std::move(link)), port_(port), now_(now) {}

  void Append(std::uint64_t number, broker::PeerRecord&& record) override {
    link_->Append(number, std::move(record));
  }
  void Acknowledge(CoreId stream, std::uint64_t number) override {
    link_->Acknowledge(stream, number);
  }
  absl::Status Start(const CoreServices& services, const Now&) override {
    CoreServices own = services;
    own.streams = &port_;
    return link_->Start(own, now_);
  }
  void BeginTurn(const Now&) override { link_->BeginTurn(now_); }
  bool Turn(const Now&) override { return link_->Turn(now_); }
  MonoNs NextDeadline() const override { return kNever; }
  void Stop(const Now&) override { link_->Stop(now_); }
  bool stopped() const override { return link_->stopped(); }

 private:
  std::unique_ptr<PartnerLink> link_;
  MemoryPort& port_;
  const Now& now_;
};

PairedPath::PairedPath(const bench::Options& options)
    : now_{.mono_ns = kNanosecondsPerSecond, .wall_ms = 1'700'000'000'000} {
  SetLogLevel(LogLevel::kError);
  net_.splits = false;
  bench::Options nobody = options;
  nobody.count = 0;
  owner_ = MakeSide("alpha", 0, options);
  partner_ = MakeSide("beta", 1, nobody);
  const auto turn = [](auto& core) { core.Turn(); };
  for (int steps = 0; !owner_.cluster->status().in_step || !partner_.cluster->status().in_step;
       ++steps) {
    TANDEM_CHECK_MSG(steps < kStepsToPairMax, "the nodes do not become a pair");
    Step(turn, turn);
  }
}

PairedPath::~PairedPath() = default;

PairedPath::Side PairedPath::MakeSide(const char* name, std::size_t host, bench::Options options) {
  Side side;
  side.port = std::make_unique<MemoryPort>(net_, kHosts[host]);
  auto made = cluster::Cluster::Create(OptionsOf(name));
  TANDEM_CHECK_MSG(made.ok(), made.status().ToString());
  side.cluster = *std::move(made);
  side.path = std::make_unique<HotPath>(
      std::move(options),
      std::make_unique<Link>(side.cluster->MakeLink(CoreId{0}), *side.port, now_));
  return side;
}

void PairedPath::Pass() {
  now_.mono_ns += kTurnNs;
  now_.wall_ms = 1'700'000'000'000 + now_.mono_ns / kNanosecondsPerMillisecond;
}

}  // namespace tandem::node
