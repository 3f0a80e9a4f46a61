// The configuration of a node, typed and checked. keys.cc has the table that says how each field is
// called in tandem.toml, what it means and what it may hold; load.h makes a Config.
//
// Durations are nanoseconds, sizes are bytes. The initial values here are the defaults; the table
// repeats them as text for the reference, and a test holds the two together.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/log.h"
#include "engine/node/config/address.h"

namespace tandem::config {

struct NodeConfig {
  std::string name = "tandem";
  std::string data_dir = "/var/lib/tandem";
};

enum class HugePages : std::uint8_t { kTry, kOff, kRequire };

struct EngineConfig {
  std::vector<unsigned>
      cores;  // CPUs, ascending; one engine thread is pinned on each. Empty: "auto"
  HugePages huge_pages = HugePages::kTry;
  std::int64_t spin_ns = 0;  // how long an idle core looks for work before it sleeps
};

enum class ListenerProtocol : std::uint8_t { kTcp, kWebSocket };
enum class ProxyProtocol : std::uint8_t { kOff, kAccept, kRequire };
enum class TlsVersion : std::uint8_t { k12, k13 };

struct TlsConfig {
  std::string certificate;  // empty: no TLS
  std::string key;
  std::string client_ca;
  TlsVersion min_version = TlsVersion::k12;
};

struct ListenerConfig {
  std::string name;
  Address address;
  ListenerProtocol protocol = ListenerProtocol::kTcp;
  std::string websocket_path;
  TlsConfig tls;
  ProxyProtocol proxy_protocol = ProxyProtocol::kOff;
  std::vector<std::string> trusted_proxies;
  std::uint64_t max_connections = 0;  // these four: 0 is no limit
  std::uint64_t max_connections_per_address = 0;
  std::uint64_t max_connect_rate = 0;
  std::uint64_t max_connect_rate_per_address = 0;
};

enum class Discovery : std::uint8_t { kStatic, kMulticast };
enum class OnPartition : std::uint8_t { kServe, kWitness, kPrefer, kStop };
enum class Alone : std::uint8_t { kContinue, kRefuse };

struct PartitionPolicy {
  OnPartition policy = OnPartition::kServe;
  std::string preferred;  // the member named by "prefer:<name>", else empty
  friend bool operator==(const PartitionPolicy&, const PartitionPolicy&) = default;
};

struct ClusterConfig {
  std::string name = "tandem";
  Discovery discovery = Discovery::kStatic;
  std::string interface;
  std::string secret_file;
  std::int64_t failure_after_ns = 1 * kNanosecondsPerSecond;
  std::int64_t max_lag_ns = 2 * kNanosecondsPerSecond;
  std::int64_t will_grace_ns = 5 * kNanosecondsPerSecond;
  std::int64_t drain_notice_ns = 2 * kNanosecondsPerSecond;
  std::uint64_t drain_rate = 1000;
  std::int64_t drain_timeout_ns = 60 * kNanosecondsPerSecond;
  PartitionPolicy on_partition;
  Alone alone = Alone::kContinue;
  bool insecure = false;
  std::uint64_t backlog_bytes = 64 << 20;
};

struct MemberConfig {
  std::string name;
  std::vector<Address> links;  // in order of preference
};

enum class WitnessKind : std::uint8_t { kNone, kEtcd };

struct WitnessConfig {
  WitnessKind kind = WitnessKind::kNone;
  std::vector<std::string> endpoints;
};

struct AdminConfig {
  Address address{"127.0.0.1", 9883};
  std::string users_file;
};

struct AuthConfig {
  bool allow_anonymous =
      false;  // true where no configuration file is given and all listeners are on loopback
  std::string users_file;
  std::string acl_file;
};

enum class Overlapping : std::uint8_t { kOneCopy, kCopyEach };

struct MqttConfig {
  std::uint64_t max_packet_size_bytes = 1 << 20;
  std::uint64_t max_qos = 2;
  std::uint64_t receive_maximum = 1024;
  std::int64_t session_expiry_max_ns = 7 * 24 * 3600 * kNanosecondsPerSecond;
  std::int64_t keep_alive_max_ns = 600 * kNanosecondsPerSecond;
  std::uint64_t topic_alias_maximum = 64;
  std::int64_t connect_timeout_ns = 10 * kNanosecondsPerSecond;
  std::uint64_t max_inflight = 1024;
  bool retain_available = true;
  bool wildcard_available = true;
  bool shared_available = true;
  std::uint64_t max_topic_levels = 200;
  std::uint64_t max_subscriptions_per_session = 10'000;
  std::uint64_t max_client_id_bytes = 65'535;
  bool allow_empty_client_id = true;
  bool close_on_invalid_filter = true;
  bool close_on_denied_publish = false;
  Overlapping overlapping_subscriptions = Overlapping::kOneCopy;
  std::uint64_t max_takeovers_per_minute = 60;
  std::uint64_t max_retained_messages = 1'000'000;
  std::uint64_t max_retained_bytes = 1 << 30;
  std::int64_t sys_interval_ns = 10 * kNanosecondsPerSecond;
};

enum class WhenFull : std::uint8_t { kDropOldest, kDropNewest, kDisconnect };

struct QueueConfig {
  std::uint64_t per_session_messages = 10'000;
  std::uint64_t per_session_bytes = 16 << 20;
  WhenFull when_full = WhenFull::kDropOldest;
  bool keep_qos0 = false;
  std::int64_t stalled_after_ns = 5 * kNanosecondsPerSecond;
};

enum class AckAfter : std::uint8_t { kPeer, kPeerAndDisk, kDisk, kMemory };

struct DurabilityConfig {
  AckAfter ack_after = AckAfter::kPeer;
  std::int64_t flush_interval_ns = 5 * kNanosecondsPerMillisecond;
};

struct LogConfig {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kText;
  std::string access_log;  // empty: none
};

struct Config {
  NodeConfig node;
  EngineConfig engine;
  std::vector<ListenerConfig> listeners;  // at least one
  ClusterConfig cluster;
  std::vector<MemberConfig>
      members;  // empty: the node serves alone; otherwise two, one of them node.name
  WitnessConfig witness;
  AdminConfig admin;
  AuthConfig auth;
  MqttConfig mqtt;
  QueueConfig queue;
  DurabilityConfig durability;
  LogConfig log;

  // The partner, or nullptr for a node that serves alone. The reverse for this node itself.
  const MemberConfig* peer() const;
  const MemberConfig* self() const;
};

}  // namespace tandem::config
