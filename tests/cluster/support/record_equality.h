// Whether a record came across as it was sent; expiry compared as time left.
#pragma once

#include <algorithm>
#include <variant>

#include "engine/broker/peer_record.h"

namespace tandem::cluster::testing {

struct RecordComparison {
  Now sent;
  Now received;

  bool Same(const broker::MessagePtr& a, const broker::MessagePtr& b) const {
    if (!a || !b) return !a == !b;
    const auto equal = [](Bytes x, Bytes y) {
      return std::equal(x.begin(), x.end(), y.begin(), y.end());
    };
    const auto left = [](const broker::MessagePtr& m, const Now& now) {
      return m->expires_at() == kNever
                 ? kNever
                 : std::max<MonoNs>(0, m->expires_at() - now.mono_ns) / kNanosecondsPerMillisecond;
    };
    return a->topic() == b->topic() && equal(a->properties(), b->properties()) &&
           equal(a->payload(), b->payload()) && a->qos() == b->qos() &&
           a->retain() == b->retain() && a->hlc() == b->hlc() && a->publisher() == b->publisher() &&
           a->id() == b->id() && left(a, sent) == left(b, received);
  }

  bool operator()(const broker::PublishRecord& a, const broker::PublishRecord& b) const {
    return Same(a.message, b.message) && a.route == b.route &&
           a.update_retained == b.update_retained && a.hops == b.hops && a.groups == b.groups &&
           a.step == b.step && a.spares == b.spares && a.given_back == b.given_back &&
           a.places == b.places;
  }
  bool operator()(const broker::RetainedRecord& a, const broker::RetainedRecord& b) const {
    return Same(a.message, b.message);
  }
  bool operator()(const broker::SessionMessageRecord& a,
                  const broker::SessionMessageRecord& b) const {
    return a.client_id == b.client_id && a.number == b.number && a.state == b.state &&
           a.qos == b.qos && a.retain == b.retain && a.subscription_ids == b.subscription_ids &&
           a.group == b.group && a.also_routed == b.also_routed && Same(a.message, b.message);
  }
  template <class Record>
  bool operator()(const Record& a, const Record& b) const {
    return a == b;
  }
  template <class A, class B>
  bool operator()(const A&, const B&) const {
    return false;
  }
};

inline bool Equal(const broker::PeerRecord& a, const broker::PeerRecord& b, const Now& sent,
                  const Now& received) {
  return std::visit(RecordComparison{sent, received}, a, b);
}

}  // namespace tandem::cluster::testing
