#include "tools/tandem-bench/options.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <vector>

namespace tandem::bench {
namespace {

std::optional<Options> Parse(std::initializer_list<const char*> words,
                             int expected_exit = kExitOk) {
  std::vector<const char*> argv = {"tandem-bench"};
  argv.insert(argv.end(), words);
  int exit_code = -1;
  auto options = ParseOptions(static_cast<int>(argv.size()), argv.data(), exit_code);
  EXPECT_EQ(exit_code, expected_exit);
  return options;
}

TEST(Options, HaveDefaultsForEverythingButTheMode) {
  const auto options = Parse({"pair"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->mode, "pair");
  ASSERT_EQ(options->hosts.size(), 1u);
  EXPECT_EQ(options->hosts[0], (reactor::Endpoint{"127.0.0.1", 1883}));
  EXPECT_EQ(options->window, 50u);
  EXPECT_EQ(options->interval_ns, 0);
  EXPECT_EQ(options->version, mqtt::Version::k5);
  EXPECT_EQ(options->duration_ns, 10 * kNanosecondsPerSecond);
  EXPECT_FALSE(options->check);
  EXPECT_FALSE(options->json_file);
  EXPECT_FALSE(options->broker_pid);
}

TEST(Options, TakeTheLettersOfEmqttBench) {
  const auto options =
      Parse({"fan-in", "-h", "10.0.0.1", "-p", "1999", "-c", "7", "-t", "a/b", "-q",
             "2",      "-s", "64",       "-I", "2.5",  "-V", "4", "-k", "9",   "--session-expiry",
             "60"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->hosts[0], (reactor::Endpoint{"10.0.0.1", 1999}));
  EXPECT_EQ(options->count, 7u);
  EXPECT_EQ(options->topic, "a/b");
  EXPECT_EQ(options->qos, mqtt::QoS::kExactlyOnce);
  EXPECT_EQ(options->payload_bytes, 64u);
  EXPECT_EQ(options->interval_ns, 2'500'000);
  EXPECT_EQ(options->version, mqtt::Version::k311);
  EXPECT_EQ(options->keep_alive_s, 9);
  EXPECT_EQ(options->session_expiry_s, 60u);
}

TEST(Options, TakeSeveralHosts) {
  const auto options = Parse({"pair", "-h", "127.0.0.1:21883,localhost,[::1]:5,::1", "-p", "42",
                              "--ifaddr", "127.0.0.2,127.0.0.3"});
  ASSERT_TRUE(options);
  const std::vector<reactor::Endpoint> hosts = {
      {"127.0.0.1", 21883}, {"127.0.0.1", 42}, {"::1", 5}, {"::1", 42}};
  EXPECT_EQ(options->hosts, hosts);
  EXPECT_EQ(options->local_hosts, (std::vector<std::string>{"127.0.0.2", "127.0.0.3"}));
}

TEST(Options, TakeTimesInSeconds) {
  const auto options =
      Parse({"conn", "--settle", "0", "--warmup", "0.25", "--duration", "3", "--json", "x.json",
             "--broker-pid", "12", "--check", "--round-robin", "--window", "1"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->settle_ns, 0);
  EXPECT_EQ(options->warmup_ns, 250'000'000);
  EXPECT_EQ(options->duration_ns, 3'000'000'000);
  EXPECT_EQ(options->json_file, "x.json");
  EXPECT_EQ(options->broker_pid, 12);
  EXPECT_TRUE(options->check);
  EXPECT_TRUE(options->round_robin);
  EXPECT_EQ(options->window, 1u);
}

TEST(Options, TakeCredentialsFilesAndRates) {
  const auto options = Parse({"shared", "-u", "name", "-P", "secret", "--rate", "5000", "--members",
                              "3", "--hgrm", "x.hgrm", "--html", "x.html", "--connecting", "9"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->user_name, "name");
  EXPECT_EQ(options->password, "secret");
  EXPECT_EQ(options->rate_per_s, 5'000);
  EXPECT_EQ(options->members, 3u);
  EXPECT_EQ(options->hgrm_file, "x.hgrm");
  EXPECT_EQ(options->html_file, "x.html");
  EXPECT_EQ(options->connecting_max, 9u);
  EXPECT_FALSE(options->baseline_file);
  EXPECT_FALSE(options->find_max);
}

TEST(Options, FindMaxRepeatsAnotherMode) {
  const auto options = Parse({"find-max", "--of", "fan-in", "--limit", "2.5"});
  ASSERT_TRUE(options);
  EXPECT_TRUE(options->find_max);
  EXPECT_EQ(options->mode, "fan-in");
  EXPECT_EQ(options->latency_limit_ns, 2'500'000);
  EXPECT_EQ(Parse({"find-max"})->mode, "pair");
  EXPECT_FALSE(Parse({"find-max", "--of", "conn"}, kExitUsage));
  EXPECT_FALSE(Parse({"find-max", "--of", "find-max"}, kExitUsage));
}

TEST(Options, OnlySubscribersTakeWildcards) {
  EXPECT_TRUE(Parse({"sub", "-t", "a/#"}));
  EXPECT_FALSE(Parse({"pub", "-t", "a/#"}, kExitUsage));
  EXPECT_FALSE(Parse({"sub", "-t", "a/#/b"}, kExitUsage));
}

TEST(Options, RefuseWhatMakesNoSense) {
  EXPECT_FALSE(Parse({}, kExitUsage));
  EXPECT_FALSE(Parse({"sideways"}, kExitUsage));
  EXPECT_FALSE(Parse({"pair", "-q", "3"}, kExitUsage));
  EXPECT_FALSE(Parse({"pair", "-V", "6"}, kExitUsage));
  EXPECT_FALSE(Parse({"pair", "-s", "23"}, kExitUsage));
  EXPECT_FALSE(Parse({"pair", "-h", "broker.example"}, kExitUsage));
  EXPECT_FALSE(Parse({"pair", "-h", "127.0.0.1:99999"}, kExitUsage));
  EXPECT_FALSE(Parse({"pair", "-t", "a/#"}, kExitUsage));
  EXPECT_FALSE(Parse({"pair", "--window", "0"}, kExitUsage));
  EXPECT_FALSE(Parse({"pair", "--rate", "5", "-I", "5"}, kExitUsage));
  EXPECT_FALSE(Parse({"pair", "--baseline", "/nowhere/at/all"}, kExitUsage));
  EXPECT_FALSE(Parse({"pair", "--duration", "0"}, kExitUsage));
}

TEST(Options, HelpIsNoError) { EXPECT_FALSE(Parse({"--help"}, kExitOk)); }

}  // namespace
}  // namespace tandem::bench
