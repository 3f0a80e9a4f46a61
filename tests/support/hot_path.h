// The cores of a node under the load that tandem-bench makes, without a network and without
// waiting: for counting what a message costs.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "engine/node/core.h"
#include "engine/reactor/checked_transport.h"
#include "tests/support/scripted_transport.h"
#include "tools/tandem-bench/load.h"
#include "tools/tandem-bench/options.h"

namespace tandem::node {

// A step is what happens between two looks of everybody at everybody: the clients answer what they
// received, then each core takes one turn. All of the load is in StepClients(), all of the cores in
// the `turn` that the caller gets to wrap. They share one thread, so what two of them cost counts
// neither cache lines that change hands nor turns that find little.
//
// `Seam` is what the core sees of the transport: the transport itself, as in release builds, or its
// rules being watched (CheckedTransport), as in debug builds.
template <class Seam>
class HotPathOver {
 public:
  // `options.mode` and so on as on tandem-bench's command line; the load runs until this ends.
  explicit HotPathOver(bench::Options options, std::uint16_t cores = 1);
  // One core that has a partner.
  HotPathOver(bench::Options options, std::unique_ptr<PartnerLink> partner);
  ~HotPathOver();

  // Steps until the clients have received `messages` more. `turn(core)` takes core.Turn(), and may
  // count around it; it is called for each core. Fails the process if nothing arrives any longer.
  template <class Turn>
  void Run(std::uint64_t messages, Turn turn) {
    const std::uint64_t wanted = load_->received_ever() + messages;
    for (int idle = 0; load_->received_ever() < wanted; ++idle) {
      TANDEM_CHECK_MSG(idle < kIdleStepsMax, "the load does not move");
      const std::uint64_t before = load_->received_ever();
      StepClients();
      for (const auto& side : sides_) turn(side->core);
      if (load_->received_ever() != before) idle = 0;
    }
  }
  Core<Seam>& core() noexcept { return sides_.front()->core; }
  const bench::Load& load() const noexcept { return *load_; }

 private:
  static constexpr int kIdleStepsMax = 10'000;

  using SeamMember = std::conditional_t<std::is_same_v<Seam, reactor::ScriptedTransport>,
                                        reactor::ScriptedTransport&, Seam>;
  // A core and what is around it.
  struct Side {
    Side(const CoreOptions& options, MailGrid& mail, std::unique_ptr<PartnerLink> partner)
        : counters(Index(options.core), {"mqtt"}),
          core(options, seam, mail, inbox, counters, std::move(partner)) {}

    reactor::ScriptedTransport transport;
    SeamMember seam{transport};
    Inbox inbox;
    CoreCounters counters;
    Core<Seam> core;
  };
  // One connection: a client's, at its home core.
  struct Wire {
    Side* home = nullptr;
    ConnectionId id{};
    ByteBuffer input;   // lent to the core until its turn is over
    ByteBuffer output;  // what the core sent, being read
  };

  HotPathOver(bench::Options options, std::uint16_t cores, std::unique_ptr<PartnerLink> partner);
  void StepClients();

  ConnectionLimits limits_;
  MailGrid mail_;
  std::vector<std::unique_ptr<Side>> sides_;
  std::unique_ptr<bench::Load> load_;
  std::vector<Wire> wires_;  // by client
  std::vector<std::uint32_t> dirty_;
  MonoNs now_ = kNanosecondsPerSecond;
};

using HotPath = HotPathOver<reactor::ScriptedTransport>;
using CheckedHotPath = HotPathOver<reactor::CheckedTransport<reactor::ScriptedTransport>>;
extern template class HotPathOver<reactor::ScriptedTransport>;
extern template class HotPathOver<reactor::CheckedTransport<reactor::ScriptedTransport>>;

}  // namespace tandem::node
