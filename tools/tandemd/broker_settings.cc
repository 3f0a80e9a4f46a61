#include "tools/tandemd/broker_settings.h"

#include <algorithm>
#include <cstdio>
#include <limits>

#include "engine/reactor/affinity.h"

namespace tandem::tandemd {
namespace {

std::uint32_t Seconds(std::int64_t duration_ns) noexcept {
  return static_cast<std::uint32_t>(std::min<std::int64_t>(
      duration_ns / kNanosecondsPerSecond, std::numeric_limits<std::uint32_t>::max()));
}

broker::WhenFull Convert(config::WhenFull policy) noexcept {
  switch (policy) {
    case config::WhenFull::kDropOldest:
      return broker::WhenFull::kDropOldest;
    case config::WhenFull::kDropNewest:
      return broker::WhenFull::kDropNewest;
    case config::WhenFull::kDisconnect:
      return broker::WhenFull::kDisconnect;
  }
  return broker::WhenFull::kDropOldest;
}

reactor::HugePages Convert(config::HugePages wish) noexcept {
  switch (wish) {
    case config::HugePages::kTry:
      return reactor::HugePages::kTry;
    case config::HugePages::kOff:
      return reactor::HugePages::kOff;
    case config::HugePages::kRequire:
      return reactor::HugePages::kRequire;
  }
  return reactor::HugePages::kTry;
}

}  // namespace

broker::BrokerConfig MakeBrokerConfig(const config::Config& config) {
  broker::BrokerConfig broker;
  const config::MqttConfig& mqtt = config.mqtt;
  broker.packet_bytes_max = mqtt.max_packet_size_bytes;
  broker.qos_max = static_cast<mqtt::QoS>(mqtt.max_qos);
  broker.receive_maximum = static_cast<std::uint16_t>(mqtt.receive_maximum);
  broker.inflight_max = static_cast<std::uint16_t>(mqtt.max_inflight);
  broker.session_expiry_max_s = Seconds(mqtt.session_expiry_max_ns);
  broker.keep_alive_max_s = static_cast<std::uint16_t>(
      std::min<std::uint32_t>(Seconds(mqtt.keep_alive_max_ns), UINT16_MAX));
  broker.topic_alias_maximum = static_cast<std::uint16_t>(mqtt.topic_alias_maximum);
  broker.connect_timeout_ns = mqtt.connect_timeout_ns;
  broker.retain_available = mqtt.retain_available;
  broker.wildcard_available = mqtt.wildcard_available;
  broker.shared_available = mqtt.shared_available;
  broker.subscriptions_per_session_max = mqtt.max_subscriptions_per_session;
  broker.topic_levels_max = mqtt.max_topic_levels;
  broker.client_id_bytes_max = mqtt.max_client_id_bytes;
  broker.empty_client_id_allowed = mqtt.allow_empty_client_id;
  broker.closes_on_invalid_filter = mqtt.close_on_invalid_filter;
  broker.closes_on_denied_publish = mqtt.close_on_denied_publish;
  broker.copy_per_subscription = mqtt.overlapping_subscriptions == config::Overlapping::kCopyEach;
  broker.takeovers_per_minute_max = mqtt.max_takeovers_per_minute;
  broker.retained_messages_max = mqtt.max_retained_messages;
  broker.retained_bytes_max = mqtt.max_retained_bytes;
  broker.queue_messages_max = config.queue.per_session_messages;
  broker.queue_bytes_max = config.queue.per_session_bytes;
  broker.when_full = Convert(config.queue.when_full);
  broker.keeps_qos0 = config.queue.keep_qos0;
  broker.stalled_after_ns = config.queue.stalled_after_ns;
  broker.will_grace_ns = config.cluster.will_grace_ns;
  broker.peer_backlog_bytes_max = config.cluster.backlog_bytes;
  broker.access_log = !config.log.access_log.empty();
  return broker;
}

node::NodeOptions MakeNodeOptions(const config::Config& config, Incarnation incarnation) {
  node::NodeOptions options;
  options.cpus = config.engine.cores.empty() ? reactor::AvailableCpus() : config.engine.cores;
  options.spin_ns = config.engine.spin_ns;
  for (const config::ListenerConfig& listener : config.listeners) {
    options.listener_names.push_back(listener.name);
    options.listeners.push_back({.endpoint = {listener.address.ip, listener.address.port}});
    options.connection_limits.push_back(
        {.connections = listener.max_connections,
         .connections_per_address = listener.max_connections_per_address,
         .rate = listener.max_connect_rate,
         .rate_per_address = listener.max_connect_rate_per_address});
  }
  options.uring.huge_pages = Convert(config.engine.huge_pages);
  options.broker = MakeBrokerConfig(config);
  options.shard.incarnation = incarnation;
  // Unique in the cluster and over restarts: the incarnation is random.
  char prefix[32];
  std::snprintf(prefix, sizeof prefix, "auto-%08x-",
                static_cast<unsigned>(static_cast<std::uint64_t>(incarnation) & UINT32_MAX));
  options.shard.assigned_id_prefix = prefix;
  return options;
}

}  // namespace tandem::tandemd
