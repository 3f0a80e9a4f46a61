#include "tests/support/hot_path.h"

#include <utility>

#include "engine/base/check.h"
#include "tools/tandem-bench/modes.h"

namespace tandem::node {
namespace {

// Between two steps: long enough for phases to pass, short enough that no window counts as stalled.
constexpr MonoNs kStepNs = 10'000;

bench::Options Endless(bench::Options options) {
  options.client_prefix.assign(1, 'c');  // an assigned literal is a false alarm of g++ 12
  options.settle_ns = 0;
  options.warmup_ns = 0;
  options.duration_ns = 1'000'000 * kNanosecondsPerSecond;
  return options;
}

CoreOptions OptionsOfCore(ConnectionLimits& limits) {
  CoreOptions options;
  options.listeners = {{.endpoint = {"127.0.0.1", 1883}}};
  options.limits = {&limits};
  options.broker.subscriptions_per_session_max = 1'000'000;
  return options;
}

}  // namespace

template <class Seam>
HotPathOver<Seam>::HotPathOver(bench::Options options)
    : core_(OptionsOfCore(limits_), seam_, mail_, inbox_, counters_, nullptr) {
  options = Endless(std::move(options));
  mail_.SetWaker(CoreId{0}, transport_.waker());
  TANDEM_CHECK(core_.Start().ok());
  load_ =
      std::make_unique<bench::Load>(options, bench::FindMode(options.mode)->plan(options), now_);
  const auto count = static_cast<std::uint32_t>(load_->size());
  inputs_.resize(count);
  outputs_.resize(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    ids_.push_back(transport_.Accept());
    load_->OnOpening(i, now_);
    load_->OnConnected(i, now_);
  }
}

template <class Seam>
HotPathOver<Seam>::~HotPathOver() = default;

template <class Seam>
void HotPathOver<Seam>::StepClients() {
  now_ += kStepNs;
  for (std::uint32_t i = 0; i < ids_.size(); ++i) {
    inputs_[i].Clear();
    ByteBuffer& sent = transport_.output(ids_[i]);
    if (sent.empty()) continue;
    std::swap(sent, outputs_[i]);
    load_->OnReceived(i, outputs_[i].bytes(), now_);
    outputs_[i].Clear();
  }
  load_->Tick(now_);
  TANDEM_CHECK_MSG(load_->errors().total() == 0, "the load complains");
  load_->TakeDirty(dirty_);
  for (const std::uint32_t i : dirty_) {
    std::swap(inputs_[i], load_->client(i).output());
    transport_.Deliver(ids_[i], inputs_[i].bytes());
    load_->OnWritten(i, now_);
  }
}

template class HotPathOver<reactor::ScriptedTransport>;
template class HotPathOver<reactor::CheckedTransport<reactor::ScriptedTransport>>;

}  // namespace tandem::node
