// SUBSCRIBE and UNSUBSCRIBE, and telling everybody else what this core is interested in.
#include <algorithm>
#include <utility>

#include "engine/base/limits.h"
#include "engine/base/planted_bug.h"
#include "engine/broker/shard.h"
#include "proto/mqtt/encoder.h"
#include "proto/mqtt/topic.h"

namespace tandem::broker {
namespace {

using metrics::CloseReason;
using mqtt::PacketType;
using mqtt::QoS;
using mqtt::ReasonCode;

bool IsNotOffered(ReasonCode code) noexcept {
  return code == ReasonCode::kWildcardSubscriptionsNotSupported ||
         code == ReasonCode::kSharedSubscriptionsNotSupported;
}

}  // namespace

void Shard::OnSubscribe(Client& client, const mqtt::SubscribeView& subscribe) {
  Session& session = *client.session;
  codes_.clear();
  // The whole packet is checked before any of it is applied (A7).
  mqtt::SubscribeEntries entries = subscribe.entries;
  while (const auto entry = entries.Next()) {
    codes_.push_back(CheckFilter(*entry));
    if (codes_.back() ==
        ReasonCode::kProtocolError) {  // [MQTT-3.8.3-4]: No Local on a shared subscription
      return Disconnect(client, ReasonCode::kProtocolError, CloseReason::kProtocolError,
                        "No Local on a shared subscription");
    }
    if (client.version == mqtt::Version::k5 && IsNotOffered(codes_.back())) {
      // CONNACK said so, and to ask all the same is a protocol error (3.2.2.3.11, 3.2.2.3.13).
      return Disconnect(client, codes_.back(), CloseReason::kProtocolError,
                        "a subscription of a kind that CONNACK excluded");
    }
    // 3.x has no code that says so [MQTT-4.7.1-2, MQTT-4.7.1-3 of 3.1.1].
    if (codes_.back() == ReasonCode::kTopicFilterInvalid && ClosesOnInvalidFilter(client))
      return Close(client, CloseReason::kProtocolError);
  }

  const Hlc changed_at = context_.IssueTime();
  HeldPacket suback{.type = PacketType::kSuback};
  entries = subscribe.entries;
  for (std::size_t i = 0; const auto entry = entries.Next(); ++i) {
    if (mqtt::IsError(codes_[i])) {
      context_.metrics.SubscriptionRefused();
      continue;
    }
    const bool fresh = !session.subscriptions.contains(ToAbsl(entry->filter));
    if (fresh && session.subscriptions.size() >= context_.config.subscriptions_per_session_max) {
      codes_[i] = ReasonCode::kQuotaExceeded;
      context_.metrics.SubscriptionRefused();
      continue;
    }
    SubscriptionState state{.options = entry->options,
                            .identifier = subscribe.subscription_id.value_or(0),
                            .changed_at = changed_at};
    state.options.qos = std::min(state.options.qos, context_.config.qos_max);
    codes_[i] = static_cast<ReasonCode>(state.options.qos);
    Subscribe(session, entry->filter, state);
    LogAccess({.kind = AccessEvent::Kind::kSubscribe,
               .connection = client.id,
               .filter = std::string(entry->filter),
               .code = codes_[i]});
    const bool wants_retained =
        state.options.retain_handling == 0 || (state.options.retain_handling == 1 && fresh);
    if (wants_retained && context_.config.retain_available &&
        !mqtt::ParseSharedFilter(entry->filter)) {
      suback.fetches.push_back(
          fetcher_.Prepare(session, entry->filter, state));  // [MQTT-3.3.1-9], [MQTT-3.3.1-10]
    }
  }

  ByteBuffer& bytes = context_.outbox.bytes;
  const std::size_t offset = bytes.size();
  mqtt::EncodeSuback(client.version, {.packet_id = subscribe.packet_id, .codes = codes_}, bytes);
  const Bytes encoded = bytes.bytes(offset, bytes.size() - offset);
  suback.bytes.assign(encoded.begin(), encoded.end());
  bytes.Truncate(offset);
  if (suback.bytes.size() > client.packet_bytes_max) {  // A51
    return Disconnect(client, ReasonCode::kPacketTooLarge, CloseReason::kPacketTooLarge,
                      "SUBACK too large");
  }
  // P3: only when every core of both nodes routes to it.
  SendGated(client, IsPlanted(PlantedBug::kSubackAtOnce) ? CommitPosition{} : interest_,
            std::move(suback));
}

bool Shard::ClosesOnInvalidFilter(const Client& client) const noexcept {
  return client.version != mqtt::Version::k5 && context_.config.closes_on_invalid_filter;
}

ReasonCode Shard::CheckFilter(const mqtt::SubscribeEntry& entry) const {
  const BrokerConfig& config = context_.config;
  std::string_view filter = entry.filter;
  if (const auto shared = mqtt::ParseSharedFilter(filter)) {
    if (!mqtt::IsValidSharedFilter(*shared)) return ReasonCode::kTopicFilterInvalid;
    if (!config.shared_available) return ReasonCode::kSharedSubscriptionsNotSupported;
    if (entry.options.no_local) return ReasonCode::kProtocolError;
    filter = shared->filter;
  } else if (!mqtt::IsValidTopicFilter(filter)) {
    return ReasonCode::kTopicFilterInvalid;
  }
  if (HasTooManyLevels(filter)) return ReasonCode::kTopicFilterInvalid;
  if (!config.wildcard_available && mqtt::HasWildcard(filter))
    return ReasonCode::kWildcardSubscriptionsNotSupported;
  return ReasonCode::kSuccess;
}

// Adds or replaces [MQTT-3.8.4-3]. `filter` is valid.
void Shard::Subscribe(Session& session, std::string_view filter, const SubscriptionState& state) {
  const Subscription subscription{
      .subscriber = session.id, .options = state.options, .identifier = state.identifier};
  bool existed = false;
  const auto shared = mqtt::ParseSharedFilter(filter);
  if (shared && session.mirrored_here()) {
    // Its owner is the member of the group; this copy becomes one when it owns the session.
    existed = session.subscriptions.contains(ToAbsl(filter));
    if (!existed) {
      const auto change = trie_.AddGroupCopy(shared->filter, shared->share_name);
      AnnounceGroup(shared->filter, shared->share_name, change.local);
    }
  } else if (shared) {
    const auto change = trie_.JoinGroup(shared->filter, shared->share_name, subscription,
                                        session.client != nullptr);
    existed = change.existed;
    if (change.counts_changed || snapshot_.active)
      AnnounceGroup(shared->filter, shared->share_name, change.local);
  } else {
    const auto change = trie_.Subscribe(filter, subscription);
    existed = change.existed;
    // While the other node is still being told what there is, an older subscriber of the filter
    // says nothing about what it knows.
    if (change.interest_changed || snapshot_.active) AnnounceInterest(filter, true);
  }
  session.subscriptions.insert_or_assign(std::string(filter), state);
  if (session.unsubscribed) session.unsubscribed->erase(std::string(filter));
  if (session.mirrored_here()) return;
  if (!existed) context_.metrics.SubscriptionsChanged(1, shared ? 1 : 0);
  if (!teller_.IsFollowed(session)) return;
  // SUBACK waits until a message that reaches either node reaches both copies.
  const CoreId there = HomeOf(session.client_id, peer_.epoch().peer_cores);
  interest_.mirrored = mirrored_.Send(Index(there));
  interest_.peer = teller_.Subscribed(session, filter, state, interest_.mirrored);
}

// False if there was none. `at`: when the client said so.
bool Shard::Unsubscribe(Session& session, std::string_view filter, Hlc at) {
  const auto it = session.subscriptions.find(ToAbsl(filter));
  if (it == session.subscriptions.end()) return false;
  const auto shared = mqtt::ParseSharedFilter(filter);
  if (shared && session.mirrored_here()) {
    const auto change = trie_.RemoveGroupCopy(shared->filter, shared->share_name);
    if (change.counts_changed) AnnounceGroup(shared->filter, shared->share_name, change.local);
  } else if (shared) {
    const auto change = trie_.LeaveGroup(shared->filter, shared->share_name, session.id);
    if (change.counts_changed) AnnounceGroup(shared->filter, shared->share_name, change.local);
  } else {
    const auto change = trie_.Unsubscribe(filter, session.id);
    if (change.interest_changed) AnnounceInterest(filter, false);
  }
  if (!session.mirrored_here()) {
    context_.metrics.SubscriptionsChanged(-1, shared ? -1 : 0);
    if (const std::uint64_t number = teller_.Unsubscribed(session, filter, at))
      interest_.peer = number;
  }
  session.subscriptions.erase(it);
  return true;
}

// Should the nodes have lost each other, or be about to, the other one may have the subscription
// still. Follows Unsubscribe.
void Shard::RememberUnsubscribed(Session& session, std::string_view filter, Hlc at) {
  if (!has_partner_ || !session.persistent()) return;
  const bool followed = teller_.IsFollowed(session);
  if (followed) unheard_.push_back({interest_.peer, session.client_id, std::string(filter), at});
  if (followed && covered_ && peer_.knows_interest()) return;
  if (!session.unsubscribed) session.unsubscribed = std::make_unique<Session::Unsubscribed>();
  Session::Unsubscribed& all = *session.unsubscribed;
  all.insert_or_assign(std::string(filter), at);
  if (all.size() <= kUnsubscribedFiltersMax) return;
  all.erase(std::min_element(all.begin(), all.end(),
                             [](const auto& a, const auto& b) { return a.second < b.second; }));
}

// Both nodes have told each other what there was: from here on the records say what changes.
void Shard::ForgetUnsubscribed() {
  if (!covered_ || !peer_.knows_interest()) return;
  for (std::size_t slot = 0; slot < sessions_.slots(); ++slot) {
    if (Session* const session = sessions_.Get(static_cast<SubscriberId>(slot)))
      session->unsubscribed.reset();
  }
}

void Shard::OnUnsubscribe(Client& client, const mqtt::UnsubscribeView& unsubscribe) {
  Session& session = *client.session;
  codes_.clear();
  const Hlc at = context_.IssueTime();
  mqtt::UnsubscribeFilters filters = unsubscribe.filters;
  while (const auto filter = filters.Next()) {
    const auto shared = mqtt::ParseSharedFilter(*filter);
    const bool valid =
        shared ? mqtt::IsValidSharedFilter(*shared) : mqtt::IsValidTopicFilter(*filter);
    if (!valid && ClosesOnInvalidFilter(client)) return Close(client, CloseReason::kProtocolError);
    if (!valid) {
      codes_.push_back(ReasonCode::kTopicFilterInvalid);
      continue;
    }
    const bool existed = Unsubscribe(session, *filter, at);
    if (existed) RememberUnsubscribed(session, *filter, at);
    codes_.push_back(existed ? ReasonCode::kSuccess : ReasonCode::kNoSubscriptionExisted);
    if (existed) {
      LogAccess({.kind = AccessEvent::Kind::kUnsubscribe,
                 .connection = client.id,
                 .filter = std::string(*filter)});
    }
  }
  HeldPacket unsuback{.type = PacketType::kUnsuback};
  ByteBuffer& bytes = context_.outbox.bytes;
  const std::size_t offset = bytes.size();
  mqtt::EncodeUnsuback(client.version, {.packet_id = unsubscribe.packet_id, .codes = codes_},
                       bytes);
  const Bytes encoded = bytes.bytes(offset, bytes.size() - offset);
  unsuback.bytes.assign(encoded.begin(), encoded.end());
  bytes.Truncate(offset);
  if (unsuback.bytes.size() > client.packet_bytes_max) {
    return Disconnect(client, ReasonCode::kPacketTooLarge, CloseReason::kPacketTooLarge,
                      "UNSUBACK too large");
  }
  SendGated(client, interest_, std::move(unsuback));
}

// To every other core of this node, and over this core's stream to every core of the other one.
// What promises to a client that the change is known everywhere waits for `interest_`.
void Shard::AnnounceInterest(std::string_view filter, bool wanted) {
  if (context_.cores > 1) {
    ++interest_.cores;
    for (std::uint16_t core = 0; core < context_.cores; ++core) {
      if (CoreId{core} == context_.core) continue;
      context_.outbox.cores.push_back({CoreId{core}, CoreInterest{.filter = std::string(filter),
                                                                  .wanted = wanted,
                                                                  .number = interest_.cores}});
    }
  }
  if (peer_.up())
    interest_.peer = peer_.Append(InterestRecord{.filter = std::string(filter), .wanted = wanted});
}

void Shard::AnnounceGroup(std::string_view filter, std::string_view share_name,
                          const MemberCounts& counts) {
  if (context_.cores > 1) {
    ++interest_.cores;
    for (std::uint16_t core = 0; core < context_.cores; ++core) {
      if (CoreId{core} == context_.core) continue;
      context_.outbox.cores.push_back(
          {CoreId{core}, CoreGroupInterest{.filter = std::string(filter),
                                           .share_name = std::string(share_name),
                                           .counts = counts,
                                           .number = interest_.cores}});
    }
  }
  if (peer_.up()) {
    interest_.peer = peer_.Append(GroupInterestRecord{.filter = std::string(filter),
                                                      .share_name = std::string(share_name),
                                                      .online = counts.online,
                                                      .total = counts.total,
                                                      .copies = counts.copies});
  }
}

}  // namespace tandem::broker
