// What this core has acknowledged to publishers while this node was the only one to have it.
#pragma once

#include <cstdint>

#include "engine/base/clock.h"
#include "engine/base/ids.h"
#include "engine/metrics/broker_metrics.h"

namespace tandem::broker {

// One per shard. Of a node without a partner it stays 0: there, one copy is what was asked for.
//
// From PartnerLost to PartnerFound every acknowledgement counts. What was counted is kept while the
// partner is told what there is, also if it is lost again meanwhile, until every core of this node
// has told it all (CoreCovered): a message that one core acknowledged may wait in a session of
// another one. What is acknowledged while the partner is told is not counted: then the
// acknowledgement has waited for the partner.
class Exposure {
 public:
  Exposure(metrics::BrokerMetrics& metrics, bool has_partner, std::uint16_t cores) noexcept
      : metrics_(metrics),
        has_partner_(has_partner),
        all_cores_((std::uint64_t{1} << (cores - 1) << 1) - 1),
        counting_(has_partner) {}

  // A PUBACK or PUBREC goes out. On the way of each message, so nothing but a count.
  void Acknowledged() noexcept { ++acknowledged_; }

  // Before anything is let go that waited for it.
  void PartnerLost() noexcept {
    counting_ = has_partner_;
    covered_ = 0;
    base_ = acknowledged_ - messages_;
  }
  void PartnerFound(MonoNs now) noexcept {
    EndTurn(now);
    counting_ = false;
  }
  // The partner has applied all that `core` of this node had to tell it.
  void CoreCovered(CoreId core) noexcept {
    covered_ |= std::uint64_t{1} << Index(core);
    if (covered_ == all_cores_) Set(0, 0);
  }

  // Once per turn; tells the metrics.
  void EndTurn(MonoNs now) noexcept {
    if (!counting_ || acknowledged_ - base_ == messages_) return;
    Set(acknowledged_ - base_, since_ == 0 ? now : since_);
  }

  std::uint64_t messages() const noexcept { return messages_; }
  MonoNs since() const noexcept { return since_; }  // the first of them; 0: there is none

 private:
  void Set(std::uint64_t messages, MonoNs since) noexcept {
    messages_ = messages;
    since_ = since;
    metrics_.Exposed(messages, since);
  }

  metrics::BrokerMetrics& metrics_;
  bool has_partner_;
  std::uint64_t all_cores_;  // a bit each
  bool counting_;
  std::uint64_t covered_ = 0;       // cores, a bit each
  std::uint64_t acknowledged_ = 0;  // since start
  std::uint64_t base_ = 0;          // of those, the ones that do not count
  std::uint64_t messages_ = 0;
  MonoNs since_ = 0;
};

}  // namespace tandem::broker
