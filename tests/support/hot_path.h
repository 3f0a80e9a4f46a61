// One core under the load that tandem-bench makes, without a network and without waiting: for
// counting what a message costs.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>
#include <vector>

#include "engine/node/core.h"
#include "engine/reactor/checked_transport.h"
#include "tests/support/scripted_transport.h"
#include "tools/tandem-bench/load.h"
#include "tools/tandem-bench/options.h"

namespace tandem::node {

// A step is what happens between two looks of everybody at everybody: the clients answer what they
// received, then the core takes one turn. All of the load is in MakeLoad(), all of the core in the
// `turn` that the caller gets to wrap.
//
// `Seam` is what the core sees of the transport: the transport itself, as in release builds, or its
// rules being watched (CheckedTransport), as in debug builds.
template <class Seam>
class HotPathOver {
 public:
  // `options.mode` and so on as on tandem-bench's command line; the load runs until this ends.
  explicit HotPathOver(bench::Options options);
  ~HotPathOver();

  // Steps until the clients have received `messages` more. `turn(core)` takes core.Turn(), and may
  // count around it. Fails the process if nothing arrives any longer.
  template <class Turn>
  void Run(std::uint64_t messages, Turn turn) {
    const std::uint64_t wanted = load_->received_ever() + messages;
    for (int idle = 0; load_->received_ever() < wanted; ++idle) {
      TANDEM_CHECK_MSG(idle < kIdleStepsMax, "the load does not move");
      const std::uint64_t before = load_->received_ever();
      StepClients();
      turn(core_);
      if (load_->received_ever() != before) idle = 0;
    }
  }
  const bench::Load& load() const noexcept { return *load_; }
  std::size_t sends() const noexcept { return transport_.sends(); }

 private:
  static constexpr int kIdleStepsMax = 10'000;

  void StepClients();

  ConnectionLimits limits_;
  using SeamMember = std::conditional_t<std::is_same_v<Seam, reactor::ScriptedTransport>,
                                        reactor::ScriptedTransport&, Seam>;
  reactor::ScriptedTransport transport_;
  SeamMember seam_{transport_};
  MailGrid mail_{1};
  Inbox inbox_;
  CoreCounters counters_{0, {"mqtt"}};
  Core<Seam> core_;
  std::unique_ptr<bench::Load> load_;
  std::vector<ConnectionId> ids_;    // by client
  std::vector<ByteBuffer> inputs_;   // by client: lent to the core until its turn is over
  std::vector<ByteBuffer> outputs_;  // by client: what the core sent, being read
  std::vector<std::uint32_t> dirty_;
  MonoNs now_ = kNanosecondsPerSecond;
};

using HotPath = HotPathOver<reactor::ScriptedTransport>;
using CheckedHotPath = HotPathOver<reactor::CheckedTransport<reactor::ScriptedTransport>>;
extern template class HotPathOver<reactor::ScriptedTransport>;
extern template class HotPathOver<reactor::CheckedTransport<reactor::ScriptedTransport>>;

}  // namespace tandem::node
