#include "engine/node/config/keys.h"

#include <algorithm>
#include <array>
#include <limits>

#include "engine/base/limits.h"
#include "engine/node/config/convert.h"
#include "engine/node/config/suggest.h"
#include "engine/node/config/values.h"

namespace tandem::config {
namespace {

template <class T>
inline constexpr bool kIsSectionList = false;
template <>
inline constexpr bool kIsSectionList<std::vector<ListenerConfig>> = true;
template <>
inline constexpr bool kIsSectionList<std::vector<MemberConfig>> = true;

// The field that a chain of member pointers leads to; list sections are entered at `index`.
template <auto First, auto... Rest, class Object>
auto& FieldOf(Object& object, std::size_t index) {
  auto& member = object.*First;
  if constexpr (sizeof...(Rest) == 0) {
    return member;
  } else if constexpr (kIsSectionList<std::remove_cvref_t<decltype(member)>>) {
    return FieldOf<Rest...>(member.at(index), index);
  } else {
    return FieldOf<Rest...>(member, index);
  }
}

template <auto... Path>
Complaint Store(const Key& key, const Setting& setting, std::size_t index, Config& config) {
  return Convert(key, setting, FieldOf<Path...>(config, index));
}

// One maker per type. Each row: path, default, bounds or choices, what it means.
template <auto... Path>
constexpr Key Plain(Type type, std::string_view path, std::string_view fallback,
                    std::string_view doc) {
  return {path, type, fallback, 0, 0, {}, doc, Store<Path...>};
}
template <auto... Path>
constexpr Key Text(std::string_view path, std::string_view fallback, std::string_view doc) {
  return Plain<Path...>(Type::kText, path, fallback, doc);
}
template <auto... Path>
constexpr Key Flag(std::string_view path, std::string_view fallback, std::string_view doc) {
  return Plain<Path...>(Type::kFlag, path, fallback, doc);
}
template <auto... Path>
constexpr Key Choice(std::string_view path, std::string_view fallback, std::string_view choices,
                     std::string_view doc) {
  return {path, Type::kChoice, fallback, 0, 0, choices, doc, Store<Path...>};
}
template <auto... Path>
constexpr Key Integer(std::string_view path, std::string_view fallback, std::int64_t min,
                      std::int64_t max, std::string_view doc) {
  return {path, Type::kInteger, fallback, min, max, {}, doc, Store<Path...>};
}
template <auto... Path>
constexpr Key Size(std::string_view path, std::string_view fallback, std::int64_t min,
                   std::int64_t max, std::string_view doc) {
  return {path, Type::kSize, fallback, min, max, {}, doc, Store<Path...>};
}
template <auto... Path>
constexpr Key Duration(std::string_view path, std::string_view fallback, std::int64_t min,
                       std::int64_t max, std::string_view doc) {
  return {path, Type::kDuration, fallback, min, max, {}, doc, Store<Path...>};
}

constexpr std::int64_t kMs = kNanosecondsPerMillisecond;
constexpr std::int64_t kSecond = kNanosecondsPerSecond;
constexpr std::int64_t kKiB = 1024;
constexpr std::int64_t kMiB = 1024 * kKiB;
constexpr std::int64_t kGiB = 1024 * kMiB;
constexpr std::int64_t kCountMax = 1'000'000'000;

constexpr auto kKeys = std::to_array<Key>({
    Text<&Config::node, &NodeConfig::name>(
        "node.name", R"("tandem")",
        "Name of this node. In a cluster: one of the names under [[cluster.member]]; the only key "
        "that differs between both nodes."),
    Text<&Config::node, &NodeConfig::data_dir>(
        "node.data_dir", R"("/var/lib/tandem")",
        "Directory of what the node keeps on disk: in a cluster, the number of its last epoch. "
        "Made if there is none; no two nodes may share it."),

    Plain<&Config::engine, &EngineConfig::cores>(Type::kCores, "engine.cores", R"("auto")",
                                                 "CPUs of the engine: one thread is pinned on "
                                                 "each. \"auto\": all CPUs this process may use."),
    Choice<&Config::engine, &EngineConfig::huge_pages>(
        "engine.huge_pages", R"("try")", "try|off|require",
        "Huge pages for network buffers; \"require\" refuses to start without."),
    Duration<&Config::engine, &EngineConfig::spin_ns>(
        "engine.spin", R"("0")", 0, kMs,
        "How long an idle core looks for work before it sleeps. More is faster and costs CPU while "
        "idle; 50us is a good start on CPUs of its own."),

    Text<&Config::listeners, &ListenerConfig::name>(
        "listener.#.name", R"("")",
        "Name in metrics and log lines; \"\" gives listener-0, listener-1 and so on."),
    Plain<&Config::listeners, &ListenerConfig::address>(
        Type::kAddress, "listener.#.address", "",
        "Where clients connect. 1883 is MQTT, 8883 MQTT over TLS, 8083 and 8084 WebSocket."),
    Choice<&Config::listeners, &ListenerConfig::protocol>("listener.#.protocol", R"("tcp")",
                                                          "tcp|websocket", "What carries MQTT."),
    Text<&Config::listeners, &ListenerConfig::websocket_path>(
        "listener.#.websocket_path", R"("")",
        "Path of the WebSocket; makes the listener a WebSocket listener."),
    Text<&Config::listeners, &ListenerConfig::tls, &TlsConfig::certificate>(
        "listener.#.tls.certificate", R"("")", "Certificate chain in PEM; turns TLS on."),
    Text<&Config::listeners, &ListenerConfig::tls, &TlsConfig::key>(
        "listener.#.tls.key", R"("")", "Private key of the certificate in PEM."),
    Text<&Config::listeners, &ListenerConfig::tls, &TlsConfig::client_ca>(
        "listener.#.tls.client_ca", R"("")",
        "Authorities of client certificates in PEM; \"\" asks for none."),
    Choice<&Config::listeners, &ListenerConfig::tls, &TlsConfig::min_version>(
        "listener.#.tls.min_version", R"("1.2")", "1.2|1.3", "Oldest TLS that is accepted."),
    Choice<&Config::listeners, &ListenerConfig::proxy_protocol>(
        "listener.#.proxy_protocol", R"("off")", "off|accept|require",
        "PROXY protocol v1 and v2, from trusted_proxies only."),
    Plain<&Config::listeners, &ListenerConfig::trusted_proxies>(
        Type::kTexts, "listener.#.trusted_proxies", "[]",
        "IP addresses that may say whom they stand for."),
    Integer<&Config::listeners, &ListenerConfig::max_connections>(
        "listener.#.max_connections", "0", 0, kCountMax,
        "Connections at the same time on this listener; 0: as many as there are descriptors. "
        "CONNECT of one above it is answered with 0x97, or with \"server unavailable\"."),
    Integer<&Config::listeners, &ListenerConfig::max_connections_per_address>(
        "listener.#.max_connections_per_address", "0", 0, kCountMax,
        "The same for one source address, or one IPv6 network of 64 bits. Behind a balancer all "
        "clients come from its address."),
    Integer<&Config::listeners, &ListenerConfig::max_connect_rate>(
        "listener.#.max_connect_rate", "0", 0, 1'000'000,
        "New connections in a second, and at once; 0: no limit. CONNECT of one above it is "
        "answered with 0x9F, or with \"server unavailable\"."),
    Integer<&Config::listeners, &ListenerConfig::max_connect_rate_per_address>(
        "listener.#.max_connect_rate_per_address", "0", 0, 1'000'000,
        "The same for one source address, or one IPv6 network of 64 bits."),

    Text<&Config::cluster, &ClusterConfig::name>(
        "cluster.name", R"("tandem")", "Name of the cluster; nodes of another name are refused."),
    Choice<&Config::cluster, &ClusterConfig::discovery>(
        "cluster.discovery", R"("static")", "static|multicast",
        "How the nodes find each other: the members below, or a multicast group."),
    Text<&Config::cluster, &ClusterConfig::interface>(
        "cluster.interface", R"("")",
        "Binds the links to this network interface; \"\": by address."),
    Text<&Config::cluster, &ClusterConfig::secret_file>(
        "cluster.secret_file", R"("")",
        "File with at least 32 random bytes, the same on both nodes, not readable by the world. "
        "Needed where a link leaves this host."),
    Duration<&Config::cluster, &ClusterConfig::failure_after_ns>(
        "cluster.failure_after", R"("1s")", 300 * kMs, 60 * kSecond,
        "A partner that is silent for this long counts as gone."),
    Duration<&Config::cluster, &ClusterConfig::max_lag_ns>(
        "cluster.max_lag", R"("2s")", 10 * kMs, 60 * kSecond,
        "How long acknowledgements may wait for a partner that lives but lags, before it is left "
        "behind and brought up to date again."),
    Duration<&Config::cluster, &ClusterConfig::will_grace_ns>(
        "cluster.will_grace", R"("5s")", 0, 3'600 * kSecond,
        "How long the wills of a dead partner's clients wait at least: who comes back in time has "
        "none published."),
    Duration<&Config::cluster, &ClusterConfig::drain_notice_ns>(
        "cluster.drain_notice", R"("2s")", 0, 600 * kSecond,
        "How long a node that is drained, or stopped by SIGTERM, says so at /health/ready before "
        "the first client is moved: more than a balancer needs to notice."),
    Integer<&Config::cluster, &ClusterConfig::drain_rate>(
        "cluster.drain_rate", "1000", 1, 1'000'000,
        "Clients that a drained node moves to its partner in a second."),
    Duration<&Config::cluster, &ClusterConfig::drain_timeout_ns>(
        "cluster.drain_timeout", R"("60s")", 0, 3'600 * kSecond,
        "How long SIGTERM lets the moving take, before the node stops all the same."),
    Plain<&Config::cluster, &ClusterConfig::on_partition>(
        Type::kPartition, "cluster.on_partition", R"("serve")",
        "What a node does that lives but does not see its partner: both serve and merge "
        "afterwards; the winner at the witness serves; the named member does; none does."),
    Choice<&Config::cluster, &ClusterConfig::alone>(
        "cluster.alone", R"("continue")", "continue|refuse",
        "What a node does that has no partner, whatever the reason: serve alone if on_partition "
        "lets "
        "it, or refuse clients until the partner is there."),
    Flag<&Config::cluster, &ClusterConfig::insecure>(
        "cluster.insecure", "false",
        "Allows links without secret_file outside this host. Whoever reaches the links then owns "
        "the cluster."),
    Size<&Config::cluster, &ClusterConfig::backlog_bytes>(
        "cluster.backlog_bytes", R"("64MiB")", kMiB, 64 * kGiB,
        "Bytes per core that may wait for the partner's confirmation before publishers wait as "
        "well; "
        "at four times as many it is left behind and brought up to date again."),

    Text<&Config::members, &MemberConfig::name>("cluster.member.#.name", "", "Name of a node."),
    Plain<&Config::members, &MemberConfig::links>(
        Type::kAddresses, "cluster.member.#.links", "",
        "Addresses of its links, port 7883 by custom: first the dedicated network, then a spare "
        "path."),

    Choice<&Config::witness, &WitnessConfig::kind>(
        "cluster.witness.kind", R"("none")", "none|etcd",
        "The third vote, asked only when the nodes lose sight of each other."),
    Plain<&Config::witness, &WitnessConfig::endpoints>(
        Type::kTexts, "cluster.witness.endpoints", "[]",
        "Where the witness is, such as \"http://10.0.0.4:2379\"."),

    Plain<&Config::admin, &AdminConfig::address>(
        Type::kAddress, "admin.address", R"("127.0.0.1:9883")",
        "HTTP for operators: /metrics, /health/*, /api/v1/*. It shows figures and changes "
        "nothing."),
    Text<&Config::admin, &AdminConfig::users_file>("admin.users_file", R"("")",
                                                   "Who may do more than look."),

    Flag<&Config::auth, &AuthConfig::allow_anonymous>(
        "auth.allow_anonymous", "false",
        "Lets clients in without credentials. Without a configuration file it is true while all "
        "listeners are on loopback."),
    Text<&Config::auth, &AuthConfig::users_file>("auth.users_file", R"("")",
                                                 "Users and their argon2id hashes."),
    Text<&Config::auth, &AuthConfig::acl_file>("auth.acl_file", R"("")",
                                               "Who may publish and subscribe to what."),

    Size<&Config::mqtt, &MqttConfig::max_packet_size_bytes>("mqtt.max_packet_size", R"("1MiB")",
                                                            kKiB, std::int64_t{kPacketBytesMax},
                                                            "Largest packet a client may send."),
    Integer<&Config::mqtt, &MqttConfig::max_qos>("mqtt.max_qos", "2", 0, 2,
                                                 "Highest QoS of a PUBLISH from a client."),
    Integer<&Config::mqtt, &MqttConfig::receive_maximum>(
        "mqtt.receive_maximum", "1024", 1, 65'535,
        "QoS 1 and 2 messages that a client may send before it gets an acknowledgement."),
    Duration<&Config::mqtt, &MqttConfig::session_expiry_max_ns>(
        "mqtt.session_expiry_max", R"("7d")", 0, std::int64_t{0xFFFF'FFFE} * kSecond,
        "Longest life of a session without connection; MQTT 3.1 and 3.1.1 sessions that are not "
        "clean get this."),
    Duration<&Config::mqtt, &MqttConfig::keep_alive_max_ns>(
        "mqtt.keep_alive_max", R"("10m")", kSecond, 65'535 * kSecond,
        "Longest keep alive; an MQTT 5 client that asks for more, or for none, is told to keep "
        "this."),
    Integer<&Config::mqtt, &MqttConfig::topic_alias_maximum>(
        "mqtt.topic_alias_maximum", "64", 0, 65'535, "Topic aliases of a connection, each way."),
    Duration<&Config::mqtt, &MqttConfig::connect_timeout_ns>(
        "mqtt.connect_timeout", R"("10s")", 100 * kMs, 600 * kSecond,
        "A connection that has not sent its whole CONNECT by then is closed."),
    Integer<&Config::mqtt, &MqttConfig::max_inflight>(
        "mqtt.max_inflight", "1024", 1, 65'535,
        "QoS 1 and 2 messages sent to a client and not yet acknowledged; an MQTT 5 client may ask "
        "for fewer. The window of a fast subscriber: small values cost throughput."),
    Flag<&Config::mqtt, &MqttConfig::retain_available>("mqtt.retain_available", "true",
                                                       "Whether clients may retain messages."),
    Flag<&Config::mqtt, &MqttConfig::wildcard_available>(
        "mqtt.wildcard_available", "true", "Whether clients may subscribe with + and #."),
    Flag<&Config::mqtt, &MqttConfig::shared_available>("mqtt.shared_available", "true",
                                                       "Whether clients may share subscriptions."),
    Integer<&Config::mqtt, &MqttConfig::max_topic_levels>("mqtt.max_topic_levels", "200", 1,
                                                          std::int64_t{kTopicLevelsMax},
                                                          "Levels of a topic or filter."),
    Integer<&Config::mqtt, &MqttConfig::max_subscriptions_per_session>(
        "mqtt.max_subscriptions_per_session", "10_000", 1, kCountMax,
        "Subscriptions of one session."),
    Integer<&Config::mqtt, &MqttConfig::max_client_id_bytes>(
        "mqtt.max_client_id_bytes", "65_535", 23, std::int64_t{kStringBytesMax},
        "Longest client id; a longer one is refused as not valid."),
    Flag<&Config::mqtt, &MqttConfig::allow_empty_client_id>(
        "mqtt.allow_empty_client_id", "true",
        "Whether a client may come without an id and be given one."),
    Flag<&Config::mqtt, &MqttConfig::close_on_invalid_filter>(
        "mqtt.close_on_invalid_filter", "true",
        "What an MQTT 3.1 or 3.1.1 client gets for an invalid topic filter: the end of its "
        "connection, or a failure in SUBACK. MQTT 5 clients are told in SUBACK."),
    Flag<&Config::mqtt, &MqttConfig::close_on_denied_publish>(
        "mqtt.close_on_denied_publish", "false",
        "Whether a PUBLISH to a topic that its client may not write, such as those below $SYS, "
        "ends the connection. Otherwise it is dropped: MQTT 5 clients get 0x87 with QoS 1 and 2, "
        "older ones an acknowledgement as always."),
    Choice<&Config::mqtt, &MqttConfig::overlapping_subscriptions>(
        "mqtt.overlapping_subscriptions", R"("one-copy")", "one-copy|copy-each",
        "What a client gets of a message that several of its subscriptions match: one copy with "
        "the highest QoS and all identifiers, or one for each subscription."),
    Integer<&Config::mqtt, &MqttConfig::max_takeovers_per_minute>(
        "mqtt.max_takeovers_per_minute", "60", 0, 1'000'000,
        "How often connections of one client id may end each other, in a minute and at once; then "
        "the next is answered with 0x9F, or with \"server unavailable\". 0: no limit."),
    Integer<&Config::mqtt, &MqttConfig::max_retained_messages>(
        "mqtt.max_retained_messages", "1_000_000", 0, kCountMax,
        "Retained messages of the cluster. One more is refused: MQTT 5 clients get 0x97 with QoS 1 "
        "and 2; of others it is delivered and not retained. 0: no limit."),
    Size<&Config::mqtt, &MqttConfig::max_retained_bytes>(
        "mqtt.max_retained_bytes", R"("1GiB")", kKiB, 1024 * kGiB,
        "The same for the bytes of their topics, properties and payloads."),
    Duration<&Config::mqtt, &MqttConfig::sys_interval_ns>(
        "mqtt.sys_interval", R"("10s")", 0, 24 * 3'600 * kSecond,
        "How often the figures below $SYS are published; \"0\": never."),

    Integer<&Config::queue, &QueueConfig::per_session_messages>(
        "queue.per_session_messages", "10_000", 1, kCountMax,
        "Messages that wait for one session. Above half of it publishers wait for a client that is "
        "connected."),
    Size<&Config::queue, &QueueConfig::per_session_bytes>(
        "queue.per_session_bytes", R"("16MiB")", kKiB, 64 * kGiB,
        "Payload bytes that wait for one session. The same."),
    Choice<&Config::queue, &QueueConfig::when_full>(
        "queue.when_full", R"("drop-oldest")", "drop-oldest|drop-newest|disconnect",
        "What gives way when the queue of a session is full whose client is away or has stalled."),
    Flag<&Config::queue, &QueueConfig::keep_qos0>(
        "queue.keep_qos0", "false",
        "Whether QoS 0 messages wait too for a client that is away and has a session."),
    Duration<&Config::queue, &QueueConfig::stalled_after_ns>(
        "queue.stalled_after", R"("5s")", 0, 3'600 * kSecond,
        "A client that acknowledges nothing, and takes nothing, for so long has stalled: its "
        "publishers do not wait for it. \"0s\": they wait for nobody. Looked at once a second."),

    Choice<&Config::durability, &DurabilityConfig::ack_after>(
        "durability.ack_after", R"("peer")", "peer|peer-and-disk|disk|memory",
        "Who must hold a message before it is acknowledged. While a node serves alone, \"peer\" is "
        "this node."),
    Duration<&Config::durability, &DurabilityConfig::flush_interval_ns>(
        "durability.flush_interval", R"("5ms")", 0, 10 * kSecond,
        "Longest time between two flushes of the journal, where one is kept."),

    Choice<&Config::log, &LogConfig::level>("log.level", R"("info")", "trace|debug|info|warn|error",
                                            "Least level that is written."),
    Choice<&Config::log, &LogConfig::format>("log.format", R"("text")", "text|json",
                                             "How a line looks."),
    Text<&Config::log, &LogConfig::access_log>(
        "log.access_log", R"("")",
        "File with one line for each connect, disconnect, subscribe and unsubscribe; \"\": none."),
});

constexpr auto kSections = std::to_array<Section>({
    {"node", "This node."},
    {"engine", "The threads that serve clients."},
    {"listener.#", "Where clients connect; one section each. Without any: 127.0.0.1:1883."},
    {"listener.#.tls", "TLS of this listener."},
    {"cluster", "The pair of nodes. Without members a node serves alone."},
    {"cluster.member.#", "The two nodes; the same list on both."},
    {"cluster.witness", "The third vote."},
    {"admin", "The operator's port."},
    {"auth", "Who may connect, and what they may do."},
    {"mqtt", "Limits of the protocol, told to clients."},
    {"queue", "What waits for clients."},
    {"durability", "What an acknowledgement promises."},
    {"log", "What is written down."},
});

// "try|off|require" as "try, off or require".
std::string Listed(std::string_view choices) {
  std::string out;
  while (!choices.empty()) {
    const std::size_t bar = std::min(choices.find('|'), choices.size());
    const bool last = bar == choices.size();
    if (!out.empty()) out += last ? " or " : ", ";
    out += "\"" + std::string(choices.substr(0, bar)) + "\"";
    choices.remove_prefix(last ? bar : bar + 1);
  }
  return out;
}

}  // namespace

std::span<const Key> Keys() { return kKeys; }
std::span<const Section> Sections() { return kSections; }

const Key* FindKey(std::string_view pattern) {
  const auto key =
      std::find_if(kKeys.begin(), kKeys.end(), [&](const Key& k) { return k.path == pattern; });
  return key == kKeys.end() ? nullptr : &*key;
}

const Section* FindSection(std::string_view pattern) {
  const auto section = std::find_if(kSections.begin(), kSections.end(),
                                    [&](const Section& s) { return s.path == pattern; });
  return section == kSections.end() ? nullptr : &*section;
}

std::string Expected(const Key& key) {
  switch (key.type) {
    case Type::kText:
      return "text in quotes";
    case Type::kFlag:
      return "true or false";
    case Type::kInteger:
      return "a whole number from " + std::to_string(key.min) + " to " + std::to_string(key.max);
    case Type::kSize:
      return "a size such as \"16MiB\", from " + FormatSize(static_cast<std::uint64_t>(key.min)) +
             " to " + FormatSize(static_cast<std::uint64_t>(key.max));
    case Type::kDuration:
      return "a time such as \"500ms\" or \"7d\", from " + FormatDuration(key.min) + " to " +
             FormatDuration(key.max);
    case Type::kAddress:
      return "a numeric address and port such as \"127.0.0.1:1883\" or \"[::1]:1883\"";
    case Type::kCores:
      return "\"auto\" or a list of CPUs such as \"2-5,8\"";
    case Type::kChoice:
      return Listed(key.choices);
    case Type::kPartition:
      return "\"serve\", \"witness\", \"prefer:<name>\" or \"stop\"";
    case Type::kTexts:
      return "a list of texts such as [\"a\", \"b\"]";
    case Type::kAddresses:
      return "a list of numeric addresses and ports such as [\"10.9.0.1:7883\"]";
  }
  return {};
}

std::string DidYouMean(std::string_view path) {
  std::vector<std::string_view> candidates;
  for (const Key& key : kKeys) candidates.push_back(key.path);
  for (const Section& section : kSections) candidates.push_back(section.path);
  std::string nearest(Nearest(PatternOf(path), candidates));
  if (nearest.empty()) return {};
  const std::size_t hash = nearest.find('#');
  if (hash != std::string::npos) nearest.replace(hash, 1, std::to_string(IndexOf(path)));
  return " (did you mean \"" + nearest + "\"?)";
}

}  // namespace tandem::config
