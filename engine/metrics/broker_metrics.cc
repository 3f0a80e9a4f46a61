#include "engine/metrics/broker_metrics.h"

namespace tandem::metrics {
namespace {

constexpr Family kConnectionsClosed = {"tandem_connections_closed_total", Kind::kCounter,
                                       Unit::kPlain, "Connections ended, by reason."};
constexpr Family kConnectsRefused = {
    "tandem_connects_refused_total", Kind::kCounter, Unit::kPlain,
    "Connections that did not become clients: CONNECT was answered with an error,"
    " or not at all."};
constexpr Family kSessions = {
    "tandem_sessions", Kind::kGauge, Unit::kPlain,
    "Sessions that this node owns, online or offline, and its mirrors of the"
    " other node's."};
constexpr Family kTakeovers = {"tandem_session_takeovers_total", Kind::kCounter, Unit::kPlain,
                               "Sessions taken over by a new connection."};
constexpr Family kMerged = {"tandem_cluster_merged_sessions_total", Kind::kCounter, Unit::kPlain,
                            "Sessions that both nodes had served apart, made one again."};
constexpr Family kCopiesCompared = {
    "tandem_cluster_copy_checks_total", Kind::kCounter, Unit::kPlain,
    "Times that a copy of the other node's session was compared with it, by their hashes."};
constexpr Family kCopiesDifferent = {
    "tandem_cluster_copy_mismatches_total", Kind::kCounter, Unit::kPlain,
    "Of these comparisons, those in which both differed. Never, unless something is broken."};
constexpr Family kCopiesRepaired = {"tandem_cluster_copy_repairs_total", Kind::kCounter,
                                    Unit::kPlain, "Copies that differed and have been told anew."};
constexpr Family kExpired = {"tandem_sessions_expired_total", Kind::kCounter, Unit::kPlain,
                             "Sessions that ended because their client stayed away too long."};
constexpr Family kPacketsReceived = {"tandem_packets_received_total", Kind::kCounter, Unit::kPlain,
                                     "Control packets read."};
constexpr Family kPacketsSent = {"tandem_packets_sent_total", Kind::kCounter, Unit::kPlain,
                                 "Control packets written."};
constexpr Family kPublishReceived = {"tandem_publish_received_total", Kind::kCounter, Unit::kPlain,
                                     "Messages taken from clients."};
constexpr Family kPublishDelivered = {"tandem_publish_delivered_total", Kind::kCounter,
                                      Unit::kPlain, "Messages handed to subscribers."};
constexpr Family kPublishReceivedBytes = {"tandem_publish_received_bytes_total", Kind::kCounter,
                                          Unit::kPlain, "Payload bytes of messages from clients."};
constexpr Family kPublishDeliveredBytes = {"tandem_publish_delivered_bytes_total", Kind::kCounter,
                                           Unit::kPlain,
                                           "Payload bytes of messages handed to subscribers."};
constexpr Family kPublishDropped = {"tandem_publish_dropped_total", Kind::kCounter, Unit::kPlain,
                                    "Messages that a subscriber will never get, by reason."};
constexpr Family kPublishRefused = {"tandem_publish_refused_total", Kind::kCounter, Unit::kPlain,
                                    "Messages of clients that were not taken, or not retained."};
constexpr Family kDelivery = {
    "tandem_publish_delivery_seconds", Kind::kHistogram, Unit::kNanoseconds,
    "From PUBLISH read by the node to the subscriber's bytes handed to the ring, "
    "of messages that waited in no queue."};
constexpr Family kAck = {"tandem_publish_ack_seconds", Kind::kHistogram, Unit::kNanoseconds,
                         "From PUBLISH read to PUBACK or PUBREC written."};
constexpr Family kSubscriptions = {"tandem_subscriptions", Kind::kGauge, Unit::kPlain,
                                   "Subscriptions, shared ones included."};
constexpr Family kSharedSubscriptions = {"tandem_subscriptions_shared", Kind::kGauge, Unit::kPlain,
                                         "Of the subscriptions, those of shared groups."};
constexpr Family kSubscriptionsRefused = {
    "tandem_subscriptions_refused_total", Kind::kCounter, Unit::kPlain,
    "Filters that were answered with a failure: too many of one session, invalid, not offered."};
constexpr Family kRetainedMessages = {"tandem_retained_messages", Kind::kGauge, Unit::kPlain,
                                      "Retained messages."};
constexpr Family kRetainedBytes = {"tandem_retained_bytes", Kind::kGauge, Unit::kPlain,
                                   "Payload bytes of retained messages."};
constexpr Family kDeletionsForgotten = {
    "tandem_retained_deletions_forgotten_total", Kind::kCounter, Unit::kPlain,
    "Deletions of retained messages that were forgotten early, because there were too many."};
constexpr Family kQueuedMessages = {"tandem_queued_messages", Kind::kGauge, Unit::kPlain,
                                    "Messages waiting for a subscriber."};
constexpr Family kQueuedBytes = {"tandem_queued_bytes", Kind::kGauge, Unit::kPlain,
                                 "Payload bytes waiting for a subscriber."};
constexpr Family kInflight = {"tandem_inflight_messages", Kind::kGauge, Unit::kPlain,
                              "QoS 1 and 2 messages not yet acknowledged."};
constexpr Family kMatchesCutOff = {"tandem_matches_cut_off_total", Kind::kCounter, Unit::kPlain,
                                   "Topic matches that visited too many filters and were cut off."};
constexpr Family kPublishersPaused = {
    "tandem_publishers_paused", Kind::kGauge, Unit::kPlain,
    "Publishers that are not acknowledged, and mostly not read, until a subscriber catches up."};
constexpr Family kPublisherPauses = {"tandem_publisher_pauses_total", Kind::kCounter, Unit::kPlain,
                                     "Times that a publisher had to wait for a subscriber."};
constexpr Family kPublisherPaused = {"tandem_publisher_paused_seconds_total", Kind::kCounter,
                                     Unit::kNanoseconds,
                                     "Time that publishers have waited for subscribers."};
constexpr Family kSessionsCongested = {"tandem_sessions_congested", Kind::kGauge, Unit::kPlain,
                                       "Connected sessions whose queues are above half of their "
                                       "bound, or were and are not short yet."};
constexpr Family kSessionStalls = {
    "tandem_session_stalls_total", Kind::kCounter, Unit::kPlain,
    "Times that a congested session did not move for queue.stalled_after: nobody waits for it."};

}  // namespace

void BrokerMetrics::Collect(Exposition& out) const {
  out.Add(kConnectionsClosed, "reason", connections_closed_);
  out.Add(kConnectsRefused, "reason", connects_refused_);
  out.Add(kSessions, "state", sessions_);
  out.Add(kTakeovers, "from", takeovers_);
  out.Add(kMerged, {}, merged_);
  out.Add(kCopiesCompared, {}, copies_compared_);
  out.Add(kCopiesDifferent, {}, copies_different_);
  out.Add(kCopiesRepaired, {}, copies_repaired_);
  out.Add(kExpired, {}, expired_);
  out.Add(kPacketsReceived, "type", packets_received_);
  out.Add(kPacketsSent, "type", packets_sent_);
  out.Add(kPublishReceived, "qos", publish_received_);
  out.Add(kPublishDelivered, "qos", publish_delivered_);
  out.Add(kPublishReceivedBytes, {}, publish_received_bytes_);
  out.Add(kPublishDeliveredBytes, {}, publish_delivered_bytes_);
  out.Add(kPublishDropped, "reason", publish_dropped_);
  out.Add(kPublishRefused, "reason", publish_refused_);
  for (std::size_t i = 0; i < delivery_.size(); ++i) {
    out.Add(kDelivery, {{"path", kLabelValues<DeliveryPath>[i]}}, delivery_[i]);
  }
  out.Add(kAck, {{"qos", "1"}}, ack_[0]);
  out.Add(kAck, {{"qos", "2"}}, ack_[1]);
  out.Add(kSubscriptions, {}, subscriptions_);
  out.Add(kSharedSubscriptions, {}, shared_subscriptions_);
  out.Add(kSubscriptionsRefused, {}, subscriptions_refused_);
  out.Add(kRetainedMessages, {}, retained_messages_);
  out.Add(kRetainedBytes, {}, retained_bytes_);
  out.Add(kDeletionsForgotten, {}, retained_deletions_forgotten_);
  out.Add(kQueuedMessages, {}, queued_messages_);
  out.Add(kQueuedBytes, {}, queued_bytes_);
  out.Add(kInflight, "direction", inflight_);
  out.Add(kMatchesCutOff, {}, matches_cut_off_);
  out.Add(kPublishersPaused, {}, publishers_paused_);
  out.Add(kPublisherPauses, {}, publisher_pauses_);
  out.Add(kPublisherPaused, {}, publisher_paused_ns_);
  out.Add(kSessionsCongested, {}, sessions_congested_);
  out.Add(kSessionStalls, {}, session_stalls_);
}

}  // namespace tandem::metrics
