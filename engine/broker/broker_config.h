// What an operator can set about the MQTT side of a core (sections [mqtt], [queue] and parts of
// [cluster]).
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/base/clock.h"
#include "engine/base/limits.h"
#include "proto/mqtt/packet.h"

namespace tandem::broker {

// What to do with a QoS 1 or 2 message for a session whose queue is full.
enum class WhenFull : std::uint8_t { kDropOldest, kDropNewest, kDisconnect };

struct BrokerConfig {
  std::size_t packet_bytes_max = 1 << 20;
  mqtt::QoS qos_max = mqtt::QoS::kExactlyOnce;
  std::uint16_t receive_maximum = 1024;  // QoS 1 and 2 that a client may have unacknowledged
  std::uint16_t inflight_max =
      1024;  // the same towards clients that do not say (3.x), and a cap for those that do
  std::uint32_t session_expiry_max_s = 7 * 86'400;
  std::uint16_t keep_alive_max_s = 0;  // 0 = no cap
  std::uint16_t topic_alias_maximum = 64;
  MonoNs connect_timeout_ns = 10 * kNanosecondsPerSecond;
  bool retain_available = true;
  bool wildcard_available = true;
  bool shared_available = true;
  std::size_t subscriptions_per_session_max = 10'000;
  std::size_t topic_levels_max = kTopicLevelsMax;  // of topics and filters; at most that
  std::size_t client_id_bytes_max = kStringBytesMax;
  bool empty_client_id_allowed = true;
  bool closes_on_invalid_filter = true;   // 3.x clients; else they get a failure in SUBACK (A7)
  bool closes_on_denied_publish = false;  // else it is dropped (A10)
  bool copy_per_subscription = false;     // where several match; else one with all identifiers (A6)
  std::size_t takeovers_per_minute_max = 60;      // of one client id; 0: no limit
  std::size_t retained_messages_max = 1'000'000;  // of the cluster; 0: no limit
  std::size_t retained_bytes_max = std::size_t{1}
                                   << 30;  // topics, properties and payloads of these

  std::size_t queue_messages_max = 10'000;  // per session, in flight ones included
  std::size_t queue_bytes_max = 16u << 20;
  WhenFull when_full = WhenFull::kDropOldest;
  bool keeps_qos0 = false;  // for sessions whose clients are away (A31)
  // Above so many, and never above half of the bounds, publishers wait for a connected session.
  std::size_t queue_mark_messages = SIZE_MAX;
  // A client that acknowledges nothing and takes nothing for so long is not waited for; 0: nobody
  // is.
  MonoNs stalled_after_ns = 5 * kNanosecondsPerSecond;

  // Bytes given to a connection and not yet taken by the kernel: above the first, QoS 1 and 2 stay
  // in the queue; above the second, QoS 0 is dropped.
  std::size_t unsent_bytes_soft = 256u << 10;
  std::size_t unsent_bytes_hard = 4u << 20;

  std::size_t peer_backlog_bytes_max =
      64u << 20;  // unapplied records of this core's stream; above, publishers are paused
  // How long the wills of a dead node's clients wait at least, so that those who come back in time
  // have none published.
  MonoNs will_grace_ns = 5 * kNanosecondsPerSecond;
  // How long a change of a session waits, with others, until its copy is compared.
  MonoNs copy_check_ns = kNanosecondsPerSecond / 10;
  bool access_log = false;
};

}  // namespace tandem::broker
