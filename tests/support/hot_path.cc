#include "tests/support/hot_path.h"

#include <span>
#include <utility>

#include "engine/base/check.h"
#include "tools/tandem-bench/modes.h"

namespace tandem::node {
namespace {

// Between two steps: long enough for phases to pass, short enough that no window counts as stalled.
constexpr MonoNs kStepNs = 10'000;

bench::Options Endless(bench::Options options) {
  // On two cores half of ten pairs cross with this one. (An assigned literal is a false alarm of
  // g++ 12.)
  options.client_prefix.assign(1, 'd');
  options.settle_ns = 0;
  options.warmup_ns = 0;
  options.duration_ns = 1'000'000 * kNanosecondsPerSecond;
  return options;
}

CoreOptions OptionsOfCore(ConnectionLimits& limits, std::uint16_t core, std::uint16_t cores) {
  CoreOptions options;
  options.core = CoreId{core};
  options.cores = cores;
  options.shard.core = CoreId{core};
  options.shard.cores = cores;
  options.listeners = {{.endpoint = {"127.0.0.1", 1883}}};
  options.limits = {&limits};
  options.broker.subscriptions_per_session_max = 1'000'000;
  return options;
}

}  // namespace

template <class Seam>
HotPathOver<Seam>::HotPathOver(bench::Options options, std::uint16_t cores)
    : HotPathOver(std::move(options), cores, nullptr) {}

template <class Seam>
HotPathOver<Seam>::HotPathOver(bench::Options options, std::unique_ptr<PartnerLink> partner)
    : HotPathOver(std::move(options), 1, std::move(partner)) {}

template <class Seam>
HotPathOver<Seam>::HotPathOver(bench::Options options, std::uint16_t cores,
                               std::unique_ptr<PartnerLink> partner)
    : mail_(cores) {
  options = Endless(std::move(options));
  for (std::uint16_t core = 0; core < cores; ++core) {
    CoreOptions of_core = OptionsOfCore(limits_, core, cores);
    of_core.shard.has_partner = partner != nullptr;
    sides_.push_back(std::make_unique<Side>(of_core, mail_, std::move(partner)));
    mail_.SetWaker(CoreId{core}, sides_.back()->transport.waker());
  }
  for (const auto& side : sides_) TANDEM_CHECK(side->core.Start().ok());
  load_ =
      std::make_unique<bench::Load>(options, bench::FindMode(options.mode)->plan(options), now_);
  wires_.resize(load_->size());
  for (std::uint32_t i = 0; i < wires_.size(); ++i) {
    const CoreId home = broker::Shard::HomeOf(load_->plan(i).client_id, cores);
    wires_[i].home = sides_[Index(home)].get();
    wires_[i].id = wires_[i].home->transport.Accept();
    load_->OnOpening(i, now_);
    load_->OnConnected(i, now_);
  }
}

template <class Seam>
HotPathOver<Seam>::~HotPathOver() = default;

template <class Seam>
void HotPathOver<Seam>::StepClients() {
  now_ += kStepNs;
  for (std::uint32_t i = 0; i < wires_.size(); ++i) {
    Wire& wire = wires_[i];
    wire.input.Clear();
    ByteBuffer& sent = wire.home->transport.output(wire.id);
    if (sent.empty()) continue;
    std::swap(sent, wire.output);
    load_->OnReceived(i, wire.output.bytes(), now_);
    wire.output.Clear();
  }
  load_->Tick(now_);
  TANDEM_CHECK_MSG(load_->errors().total() == 0, "the load complains");
  load_->TakeDirty(dirty_);
  for (const std::uint32_t i : dirty_) {
    Wire& wire = wires_[i];
    bench::Client& client = load_->client(i);
    bench::ClientOutput::Fragments fragments;
    const std::size_t count = client.output().ToFragments(client.shared_payload(), fragments);
    for (const auto& fragment : std::span(fragments).first(count))
      wire.input.Append({fragment.data, fragment.size});
    client.output().Clear();
    wire.home->transport.Deliver(wire.id, wire.input.bytes());
    load_->OnWritten(i, now_);
  }
}

template class HotPathOver<reactor::ScriptedTransport>;
template class HotPathOver<reactor::CheckedTransport<reactor::ScriptedTransport>>;

}  // namespace tandem::node
