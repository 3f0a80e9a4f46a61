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
  static bool Same(const broker::SharedTarget& a, const broker::SharedTarget& b) {
    return a.filter == b.filter && a.share_name == b.share_name;
  }

  bool operator()(const broker::PublishRecord& a, const broker::PublishRecord& b) const {
    return Same(a.message, b.message) && a.route == b.route &&
           a.update_retained == b.update_retained && a.hops == b.hops &&
           std::equal(a.groups.begin(), a.groups.end(), b.groups.begin(), b.groups.end(),
                      [](const auto& x, const auto& y) { return Same(x, y); });
  }
  bool operator()(const broker::RetainedRecord& a, const broker::RetainedRecord& b) const {
    return Same(a.message, b.message);
  }
  bool operator()(const broker::InterestRecord& a, const broker::InterestRecord& b) const {
    return a.filter == b.filter && a.wanted == b.wanted;
  }
  bool operator()(const broker::GroupInterestRecord& a,
                  const broker::GroupInterestRecord& b) const {
    return a.filter == b.filter && a.share_name == b.share_name && a.online == b.online &&
           a.total == b.total;
  }
  bool operator()(const broker::ClaimRecord& a, const broker::ClaimRecord& b) const {
    return a.client_id == b.client_id && a.connected_at == b.connected_at &&
           a.clean_start == b.clean_start && a.answer == b.answer;
  }
  bool operator()(const broker::SessionRecord& a, const broker::SessionRecord& b) const {
    return a.client_id == b.client_id && a.expiry_s == b.expiry_s &&
           a.next_number == b.next_number && a.first_number == b.first_number;
  }
  bool operator()(const broker::SessionSubscriptionRecord& a,
                  const broker::SessionSubscriptionRecord& b) const {
    return a.client_id == b.client_id && a.filter == b.filter && a.options == b.options &&
           a.identifier == b.identifier;
  }
  bool operator()(const broker::SessionMessageRecord& a,
                  const broker::SessionMessageRecord& b) const {
    return a.client_id == b.client_id && a.number == b.number && a.state == b.state &&
           a.qos == b.qos && a.retain == b.retain && a.subscription_ids == b.subscription_ids &&
           a.group.has_value() == b.group.has_value() && (!a.group || Same(*a.group, *b.group)) &&
           Same(a.message, b.message);
  }
  bool operator()(const broker::SessionReceivedIdRecord& a,
                  const broker::SessionReceivedIdRecord& b) const {
    return a.client_id == b.client_id && a.packet_id == b.packet_id;
  }
  bool operator()(const broker::ClaimReplyRecord& a, const broker::ClaimReplyRecord& b) const {
    return a.client_id == b.client_id && a.connected_at == b.connected_at &&
           a.granted == b.granted && a.session_present == b.session_present;
  }
  bool operator()(const broker::SnapshotEndRecord&, const broker::SnapshotEndRecord&) const {
    return true;
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
