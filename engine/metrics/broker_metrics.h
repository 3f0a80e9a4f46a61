// What one core's share of the broker counts. The table of names and help texts is in
// broker_metrics.cc.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "engine/metrics/counter.h"
#include "engine/metrics/exposition.h"
#include "engine/metrics/histogram.h"

namespace tandem::metrics {

// Why a connection ended.
enum class CloseReason : std::uint8_t {
  kDisconnect,      // the client said DISCONNECT
  kClientClosed,    // the client closed its socket without one: its will is published
  kNetworkError,    // reset, unreachable, TCP timeout
  kKeepAlive,       // silent for 1.5 times its keep alive
  kConnectTimeout,  // no whole CONNECT in time
  kRefused,         // its CONNECT was answered with an error
  kMalformed,       // bytes that are no MQTT
  kProtocolError,   // well formed, but not allowed at this point
  kPacketTooLarge,
  kQuotaExceeded,  // Receive Maximum or another of our limits
  kNotAuthorized,
  kTakenOver,     // another connection came with its client id
  kSlowConsumer,  // took what was sent too slowly, for too long
  kDrained,       // moved away for maintenance
  kShutdown,      // the node stopped
  kPartition,     // this side of a partition may not serve
};
template <>
inline constexpr std::array<std::string_view, 16> kLabelValues<CloseReason> = {
    "disconnect",       "client_closed",  "network_error",  "keep_alive",
    "connect_timeout",  "refused",        "malformed",      "protocol_error",
    "packet_too_large", "quota_exceeded", "not_authorized", "taken_over",
    "slow_consumer",    "drained",        "shutdown",       "partition"};
static_assert(kLabelValues<CloseReason>.size() ==
              static_cast<std::size_t>(CloseReason::kPartition) + 1);

// Why a CONNECT was answered with an error.
enum class RefuseReason : std::uint8_t {
  kMalformed,
  kProtocolError,
  kUnsupportedVersion,
  kBadClientId,
  kBadCredentials,
  kNotAuthorized,
  kUnavailable,    // starting, catching up, draining, or on the wrong side of a partition
  kBusy,           // too many connections or too little memory
  kConnectRate,    // too many connections in a short time
  kTakeoverStorm,  // its client id goes to and fro between connections
  kPacketTooLarge,
  kWillNotAllowed,  // its will asks for a QoS, retain or topic that is not allowed
};
template <>
inline constexpr std::array<std::string_view, 12> kLabelValues<RefuseReason> = {
    "malformed",       "protocol_error", "unsupported_version", "bad_client_id",
    "bad_credentials", "not_authorized", "unavailable",         "busy",
    "connect_rate",    "takeover_storm", "packet_too_large",    "will_not_allowed"};
static_assert(kLabelValues<RefuseReason>.size() ==
              static_cast<std::size_t>(RefuseReason::kWillNotAllowed) + 1);

// Why a message will never reach a subscriber that its filter matched.
enum class DropReason : std::uint8_t {
  kQueueFull,       // the session's queue is at its bound
  kSlowConsumer,    // QoS 0 to a connection that is behind
  kExpired,         // its Message Expiry Interval ran out
  kPacketTooLarge,  // above the Maximum Packet Size of the client
  kSessionEnded,    // still queued when the session expired or was started clean
  kOverload,        // a bound of this core or of the way to another core
  kStalled,         // the queue is at its bound, and its client is there but does not move
};
template <>
inline constexpr std::array<std::string_view, 7> kLabelValues<DropReason> = {
    "queue_full",    "slow_consumer", "expired", "packet_too_large",
    "session_ended", "overload",      "stalled"};
static_assert(kLabelValues<DropReason>.size() ==
              static_cast<std::size_t>(DropReason::kStalled) + 1);

// Why a message was not taken from its publisher.
enum class PublishRefusal : std::uint8_t {
  kNotAuthorized,
  kQuotaExceeded,  // it was to be retained, and there is no room
};
template <>
inline constexpr std::array<std::string_view, 2> kLabelValues<PublishRefusal> = {"not_authorized",
                                                                                 "quota_exceeded"};

enum class SessionState : std::uint8_t { kOnline, kOffline, kMirror };
template <>
inline constexpr std::array<std::string_view, 3> kLabelValues<SessionState> = {"online", "offline",
                                                                               "mirror"};

// Where the connection was that lost its client id to a newer one.
enum class TakeoverFrom : std::uint8_t { kLocal, kPeer };
template <>
inline constexpr std::array<std::string_view, 2> kLabelValues<TakeoverFrom> = {"local", "peer"};

// Way of a message from its publisher's core to its subscriber's.
enum class DeliveryPath : std::uint8_t { kLocal, kCore, kPeer };
template <>
inline constexpr std::array<std::string_view, 3> kLabelValues<DeliveryPath> = {"local", "core",
                                                                               "peer"};

// As seen from the broker: in = from publishers, out = to subscribers.
enum class Direction : std::uint8_t { kIn, kOut };
template <>
inline constexpr std::array<std::string_view, 2> kLabelValues<Direction> = {"in", "out"};

// QoS as a label; the enumerators have the values of the protocol.
enum class QosLabel : std::uint8_t { k0, k1, k2 };
template <>
inline constexpr std::array<std::string_view, 3> kLabelValues<QosLabel> = {"0", "1", "2"};

// MQTT control packet types by their value on the wire (0 never occurs in a packet that was read).
enum class PacketLabel : std::uint8_t { kReserved };
template <>
inline constexpr std::array<std::string_view, 16> kLabelValues<PacketLabel> = {
    "reserved", "connect",  "connack",    "publish", "puback",      "pubrec",
    "pubrel",   "pubcomp",  "subscribe",  "suback",  "unsubscribe", "unsuback",
    "pingreq",  "pingresp", "disconnect", "auth"};

// One per core, written by that core alone. Gauges move by deltas, so that what is opened on one
// core and closed on another still adds up over the cores.
class alignas(kCacheLineBytes) BrokerMetrics {
 public:
  // `wire_type` is the packet type nibble, 1..15; `qos` is 0, 1 or 2. Both must be valid.
  void PacketReceived(std::uint8_t wire_type) noexcept {
    packets_received_[static_cast<PacketLabel>(wire_type)].Add();
  }
  void PacketSent(std::uint8_t wire_type, std::uint64_t count = 1) noexcept {
    packets_sent_[static_cast<PacketLabel>(wire_type)].Add(count);
  }

  void PublishReceived(std::uint8_t qos, std::size_t payload_bytes) noexcept {
    publish_received_[static_cast<QosLabel>(qos)].Add();
    publish_received_bytes_.Add(payload_bytes);
  }
  void PublishDelivered(std::uint8_t qos, std::size_t payload_bytes) noexcept {
    publish_delivered_[static_cast<QosLabel>(qos)].Add();
    publish_delivered_bytes_.Add(payload_bytes);
  }
  void PublishDropped(DropReason reason, std::uint64_t count = 1) noexcept {
    publish_dropped_[reason].Add(count);
  }
  void PublishRefused(PublishRefusal reason) noexcept { publish_refused_[reason].Add(); }
  // From PUBLISH read to the subscriber's bytes given to the kernel, for `count` subscribers at
  // once.
  void DeliveryTook(DeliveryPath path, std::int64_t duration_ns, std::uint64_t count = 1) noexcept {
    delivery_[static_cast<std::size_t>(path)].Observe(duration_ns, count);
  }
  // From PUBLISH read to PUBACK (qos 1) or PUBREC (qos 2) written.
  void AckTook(std::uint8_t qos, std::int64_t duration_ns) noexcept {
    ack_[qos == 2 ? 1 : 0].Observe(duration_ns);
  }

  void ConnectionClosed(CloseReason reason) noexcept { connections_closed_[reason].Add(); }
  void ConnectRefused(RefuseReason reason) noexcept { connects_refused_[reason].Add(); }
  // Both nodes served it while they could not see each other.
  void SessionMerged() noexcept { merged_.Add(); }
  // Of the other node's sessions (SessionHashRecord).
  void CopyCompared() noexcept { copies_compared_.Add(); }
  void CopyDiffered() noexcept { copies_different_.Add(); }
  void CopyRepaired() noexcept { copies_repaired_.Add(); }
  void SessionTakenOver(TakeoverFrom from) noexcept { takeovers_[from].Add(); }
  void SessionsChanged(SessionState state, std::int64_t delta) noexcept {
    sessions_[state].Add(delta);
  }

  void SessionExpired() noexcept { expired_.Add(); }
  void SubscriptionRefused() noexcept { subscriptions_refused_.Add(); }
  // `shared`: those among them that are of shared groups.
  void SubscriptionsChanged(std::int64_t delta, std::int64_t shared) noexcept {
    subscriptions_.Add(delta);
    shared_subscriptions_.Add(shared);
  }
  void RetainedChanged(std::int64_t messages_delta, std::int64_t payload_bytes_delta) noexcept {
    retained_messages_.Add(messages_delta);
    retained_bytes_.Add(payload_bytes_delta);
  }
  void RetainedDeletionsForgotten(std::uint64_t count) noexcept {
    retained_deletions_forgotten_.Add(count);
  }
  void QueuedChanged(std::int64_t messages_delta, std::int64_t payload_bytes_delta) noexcept {
    queued_messages_.Add(messages_delta);
    queued_bytes_.Add(payload_bytes_delta);
  }
  void InflightChanged(Direction direction, std::int64_t delta) noexcept {
    inflight_[direction].Add(delta);
  }
  // A publisher has to wait for a subscriber (Congestion), and has waited for so long.
  void PublisherPaused() noexcept {
    publishers_paused_.Add(1);
    publisher_pauses_.Add();
  }
  void PublisherResumed(std::int64_t waited_ns) noexcept {
    publishers_paused_.Add(-1);
    publisher_paused_ns_.Add(static_cast<std::uint64_t>(waited_ns));
  }
  void SessionsCongestedChanged(std::int64_t delta) noexcept { sessions_congested_.Add(delta); }
  void SessionStalled() noexcept { session_stalls_.Add(); }
  // Acknowledged while no other node had it (Exposure), the first of it at `since`; 0: nothing.
  void Exposed(std::uint64_t messages, std::int64_t since_ns) noexcept {
    exposed_messages_.Set(static_cast<std::int64_t>(messages));
    exposed_since_ns_.Set(since_ns);
  }
  // A match that visited too many nodes of the subscription trie and was cut off (limits.h,
  // kMatchVisitsMax).
  void MatchCutOff() noexcept { matches_cut_off_.Add(); }

  void Collect(Exposition& out) const;

  // For the admin API and tests: what this core counted so far.
  std::uint64_t packets_received(PacketLabel type) const noexcept {
    return packets_received_[type].value();
  }
  std::uint64_t packets_received() const noexcept { return SumOf(packets_received_); }
  std::uint64_t packets_sent() const noexcept { return SumOf(packets_sent_); }
  std::uint64_t publish_refused(PublishRefusal reason) const noexcept {
    return publish_refused_[reason].value();
  }
  std::uint64_t copies_compared() const noexcept { return copies_compared_.value(); }
  std::uint64_t copies_different() const noexcept { return copies_different_.value(); }
  std::uint64_t copies_repaired() const noexcept { return copies_repaired_.value(); }
  std::uint64_t sessions_expired() const noexcept { return expired_.value(); }
  std::uint64_t publish_received_bytes() const noexcept { return publish_received_bytes_.value(); }
  std::uint64_t publish_delivered_bytes() const noexcept {
    return publish_delivered_bytes_.value();
  }
  std::uint64_t publish_received(std::uint8_t qos) const noexcept {
    return publish_received_[static_cast<QosLabel>(qos)].value();
  }
  std::uint64_t publish_delivered(std::uint8_t qos) const noexcept {
    return publish_delivered_[static_cast<QosLabel>(qos)].value();
  }
  std::uint64_t publish_dropped(DropReason reason) const noexcept {
    return publish_dropped_[reason].value();
  }
  std::uint64_t connections_closed(CloseReason reason) const noexcept {
    return connections_closed_[reason].value();
  }
  std::uint64_t connects_refused(RefuseReason reason) const noexcept {
    return connects_refused_[reason].value();
  }
  std::int64_t sessions(SessionState state) const noexcept { return sessions_[state].value(); }
  std::uint64_t subscriptions_refused() const noexcept { return subscriptions_refused_.value(); }
  std::int64_t subscriptions() const noexcept { return subscriptions_.value(); }
  std::int64_t shared_subscriptions() const noexcept { return shared_subscriptions_.value(); }
  std::int64_t retained_messages() const noexcept { return retained_messages_.value(); }
  std::uint64_t retained_deletions_forgotten() const noexcept {
    return retained_deletions_forgotten_.value();
  }
  std::int64_t retained_bytes() const noexcept { return retained_bytes_.value(); }
  std::int64_t queued_messages() const noexcept { return queued_messages_.value(); }
  std::int64_t queued_bytes() const noexcept { return queued_bytes_.value(); }
  std::int64_t inflight(Direction direction) const noexcept { return inflight_[direction].value(); }
  std::int64_t publishers_paused() const noexcept { return publishers_paused_.value(); }
  std::int64_t sessions_congested() const noexcept { return sessions_congested_.value(); }
  std::uint64_t session_stalls() const noexcept { return session_stalls_.value(); }
  std::int64_t exposed_messages() const noexcept { return exposed_messages_.value(); }
  // On the monotonic clock; 0: nothing is.
  std::int64_t exposed_since_ns() const noexcept { return exposed_since_ns_.value(); }

 private:
  template <class Label>
  static std::uint64_t SumOf(const ByLabel<Counter, Label>& counters) noexcept {
    std::uint64_t sum = 0;
    counters.ForEach([&](std::string_view, const Counter& counter) { sum += counter.value(); });
    return sum;
  }

  ByLabel<Counter, PacketLabel> packets_received_;
  ByLabel<Counter, PacketLabel> packets_sent_;
  ByLabel<Counter, QosLabel> publish_received_;
  ByLabel<Counter, QosLabel> publish_delivered_;
  Counter publish_received_bytes_;
  Counter publish_delivered_bytes_;
  ByLabel<Counter, DropReason> publish_dropped_;
  ByLabel<Counter, PublishRefusal> publish_refused_;
  std::array<Histogram, kLabelValues<DeliveryPath>.size()> delivery_;
  std::array<Histogram, 2> ack_;  // QoS 1, QoS 2
  ByLabel<Counter, CloseReason> connections_closed_;
  ByLabel<Counter, RefuseReason> connects_refused_;
  ByLabel<Counter, TakeoverFrom> takeovers_;
  Counter merged_;
  Counter copies_compared_;
  Counter copies_different_;
  Counter copies_repaired_;
  Counter expired_;
  ByLabel<Gauge, SessionState> sessions_;
  Gauge subscriptions_;
  Gauge shared_subscriptions_;
  Counter subscriptions_refused_;
  Gauge retained_messages_;
  Gauge retained_bytes_;
  Counter retained_deletions_forgotten_;
  Gauge queued_messages_;
  Gauge queued_bytes_;
  ByLabel<Gauge, Direction> inflight_;
  Counter matches_cut_off_;
  Gauge publishers_paused_;
  Counter publisher_pauses_;
  Counter publisher_paused_ns_;
  Gauge sessions_congested_;
  Counter session_stalls_;
  Gauge exposed_messages_;
  Gauge exposed_since_ns_;
};

}  // namespace tandem::metrics
