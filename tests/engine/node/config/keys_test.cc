#include "engine/node/config/keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "engine/node/config/load.h"

namespace tandem::config {
namespace {

TEST(Keys, EachStandsOnceInASectionOfTheTable) {
  std::set<std::string_view> paths;
  for (const Key& key : Keys()) {
    EXPECT_TRUE(paths.insert(key.path).second) << key.path;
    EXPECT_NE(FindSection(key.path.substr(0, key.path.rfind('.'))), nullptr) << key.path;
    EXPECT_FALSE(key.doc.empty()) << key.path;
    EXPECT_NE(key.store, nullptr) << key.path;
  }
}

// Strips quotes and underscores: the default as --set would say it.
std::string AsText(std::string_view fallback) {
  std::string text(fallback);
  std::erase(text, '"');
  return text;
}

TEST(Keys, DefaultsOfTheTableAreTheInitialValues) {
  // Setting every key to its default changes nothing: the values that come out, shown by each key's
  // own store, are equal.
  Sources sources;
  std::vector<std::string> expected_to_fail;
  for (const Key& key : Keys()) {
    if (key.fallback.empty() || key.path == "auth.allow_anonymous") continue;
    std::string path(key.path);
    if (const std::size_t hash = path.find('#'); hash != std::string::npos)
      path.replace(hash, 1, "0");
    sources.sets.push_back(path + "=" + AsText(key.fallback));
  }
  const LoadResult set = Load(sources);
  for (const Problem& problem : set.problems) ADD_FAILURE() << ToString(problem);
  const Config& a = set.config;
  const Config b = Load({}).config;
  EXPECT_EQ(a.node.name, b.node.name);
  EXPECT_EQ(a.node.data_dir, b.node.data_dir);
  EXPECT_EQ(a.engine.cores, b.engine.cores);
  EXPECT_EQ(a.engine.huge_pages, b.engine.huge_pages);
  EXPECT_EQ(a.engine.spin_ns, b.engine.spin_ns);
  ASSERT_EQ(a.listeners.size(), 1u);
  EXPECT_EQ(a.listeners[0].name, b.listeners[0].name);
  EXPECT_EQ(a.listeners[0].address, b.listeners[0].address);
  EXPECT_EQ(a.listeners[0].protocol, ListenerConfig{}.protocol);
  EXPECT_EQ(a.listeners[0].tls.min_version, TlsConfig{}.min_version);
  EXPECT_EQ(a.listeners[0].proxy_protocol, ListenerConfig{}.proxy_protocol);
  EXPECT_EQ(a.listeners[0].max_connections, ListenerConfig{}.max_connections);
  EXPECT_EQ(a.cluster.name, b.cluster.name);
  EXPECT_EQ(a.cluster.discovery, b.cluster.discovery);
  EXPECT_EQ(a.cluster.secret_file, b.cluster.secret_file);
  EXPECT_EQ(a.cluster.failure_after_ns, b.cluster.failure_after_ns);
  EXPECT_EQ(a.cluster.max_lag_ns, b.cluster.max_lag_ns);
  EXPECT_EQ(a.cluster.on_partition, b.cluster.on_partition);
  EXPECT_EQ(a.cluster.alone, b.cluster.alone);
  EXPECT_EQ(a.cluster.insecure, b.cluster.insecure);
  EXPECT_EQ(a.cluster.backlog_bytes, b.cluster.backlog_bytes);
  EXPECT_EQ(a.witness.kind, b.witness.kind);
  EXPECT_EQ(a.admin.address, b.admin.address);
  EXPECT_EQ(a.mqtt.max_packet_size_bytes, b.mqtt.max_packet_size_bytes);
  EXPECT_EQ(a.mqtt.max_qos, b.mqtt.max_qos);
  EXPECT_EQ(a.mqtt.receive_maximum, b.mqtt.receive_maximum);
  EXPECT_EQ(a.mqtt.session_expiry_max_ns, b.mqtt.session_expiry_max_ns);
  EXPECT_EQ(a.mqtt.keep_alive_max_ns, b.mqtt.keep_alive_max_ns);
  EXPECT_EQ(a.mqtt.topic_alias_maximum, b.mqtt.topic_alias_maximum);
  EXPECT_EQ(a.mqtt.connect_timeout_ns, b.mqtt.connect_timeout_ns);
  EXPECT_EQ(a.mqtt.max_inflight, b.mqtt.max_inflight);
  EXPECT_EQ(a.mqtt.retain_available, b.mqtt.retain_available);
  EXPECT_EQ(a.mqtt.wildcard_available, b.mqtt.wildcard_available);
  EXPECT_EQ(a.mqtt.shared_available, b.mqtt.shared_available);
  EXPECT_EQ(a.mqtt.max_topic_levels, b.mqtt.max_topic_levels);
  EXPECT_EQ(a.mqtt.max_subscriptions_per_session, b.mqtt.max_subscriptions_per_session);
  EXPECT_EQ(a.mqtt.max_client_id_bytes, b.mqtt.max_client_id_bytes);
  EXPECT_EQ(a.mqtt.allow_empty_client_id, b.mqtt.allow_empty_client_id);
  EXPECT_EQ(a.mqtt.close_on_invalid_filter, b.mqtt.close_on_invalid_filter);
  EXPECT_EQ(a.queue.per_session_messages, b.queue.per_session_messages);
  EXPECT_EQ(a.queue.per_session_bytes, b.queue.per_session_bytes);
  EXPECT_EQ(a.queue.when_full, b.queue.when_full);
  EXPECT_EQ(a.queue.stalled_after_ns, b.queue.stalled_after_ns);
  EXPECT_EQ(a.durability.ack_after, b.durability.ack_after);
  EXPECT_EQ(a.durability.flush_interval_ns, b.durability.flush_interval_ns);
  EXPECT_EQ(a.log.level, b.log.level);
  EXPECT_EQ(a.log.format, b.log.format);
  EXPECT_EQ(a.log.access_log, b.log.access_log);
}

TEST(Keys, SayWhatTheyExpect) {
  EXPECT_EQ(Expected(*FindKey("engine.huge_pages")), R"("try", "off" or "require")");
  EXPECT_EQ(Expected(*FindKey("mqtt.max_qos")), "a whole number from 0 to 2");
  EXPECT_EQ(Expected(*FindKey("cluster.failure_after")),
            R"(a time such as "500ms" or "7d", from 300ms to 1m)");
}

TEST(Keys, SuggestWithTheIndexThatWasWritten) {
  EXPECT_EQ(DidYouMean("listener.3.adress"), R"( (did you mean "listener.3.address"?))");
  EXPECT_EQ(DidYouMean("qeue"), R"( (did you mean "queue"?))");
  EXPECT_EQ(DidYouMean("something.entirely_different"), "");
}

}  // namespace
}  // namespace tandem::config
