#include "engine/node/admin/routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tandem::admin {
namespace {

using ::testing::HasSubstr;

class RoutesTest : public ::testing::Test {
 protected:
  Answer Get(std::string_view url) { return admin::Get(url, callbacks_); }

  NodeStatus node_ = {
      .name = "alpha", .version = "0.1.0", .revision = "abc", .state = NodeState::kServing};
  ClusterStatus cluster_ = {.name = "tandem", .role = "single"};
  Outcome outcome_ = {.words = "words"};
  Callbacks callbacks_ = {[] { return std::string("metric 1\n"); },
                          [this] { return node_; },
                          [this] { return cluster_; },
                          [this](bool force) {
                            forced_ = force;
                            return outcome_;
                          },
                          [this] {
                            told_.push_back("resume");
                            return outcome_;
                          },
                          [this] { return merges_; },
                          [this] {
                            told_.push_back("force-serve");
                            return outcome_;
                          }};
  Merges merges_ = {.node = "alpha", .partner = "beta"};
  bool forced_ = false;
  std::vector<std::string> told_;
};

TEST_F(RoutesTest, MetricsAreThePrometheusText) {
  const Answer answer = Get("/metrics");
  EXPECT_EQ(answer.code, 200u);
  EXPECT_EQ(answer.content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(answer.body, "metric 1\n");
}

TEST_F(RoutesTest, ReadyTellsTheBalancerWhatToDo) {
  EXPECT_EQ(Get("/health/ready").code, 200u);
  EXPECT_EQ(Get("/health/ready").body, "{\"ready\":true,\"state\":\"serving\"}\n");
  node_.state = NodeState::kDraining;
  EXPECT_EQ(Get("/health/ready").code, 404u);
  EXPECT_EQ(Get("/health/ready").body,
            "{\"ready\":false,\"state\":\"draining\",\"reason\":\"draining\"}\n");
  node_.state = NodeState::kCatchingUp;
  node_.not_ready_because = "31 % of the sessions are here";
  EXPECT_EQ(Get("/health/ready").code, 503u);
  EXPECT_THAT(Get("/health/ready").body, HasSubstr("\"reason\":\"31 % of the sessions are here\""));
  node_.state = NodeState::kStarting;
  EXPECT_EQ(Get("/health/ready").code, 503u);
}

TEST_F(RoutesTest, LiveIsIndependentOfReady) {
  node_.state = NodeState::kCatchingUp;
  EXPECT_EQ(Get("/health/live").code, 200u);
  node_.not_alive_because = "core 3 has not turned for 12 s";
  EXPECT_EQ(Get("/health/live").code, 503u);
  EXPECT_THAT(Get("/health/live").body, HasSubstr("core 3 has not turned"));
}

TEST_F(RoutesTest, SafeToStopSaysWhyNot) {
  node_.unsafe_because = "the partner is not in step";
  EXPECT_EQ(Get("/health/safe-to-stop").code, 503u);
  EXPECT_THAT(Get("/health/safe-to-stop").body, HasSubstr("the partner is not in step"));
  node_.safe_to_stop = true;
  EXPECT_EQ(Get("/health/safe-to-stop").code, 200u);
}

TEST_F(RoutesTest, NodeIsJson) {
  node_.connections = 5;
  node_.sessions_offline = 2;
  node_.uptime_ns = 1'500'000'000;
  node_.publish_received = 9'007'199'254'740'993;
  const Answer answer = Get("/api/v1/node");
  EXPECT_EQ(answer.code, 200u);
  EXPECT_EQ(answer.content_type, "application/json");
  EXPECT_EQ(
      answer.body,
      R"({"name":"alpha","version":"0.1.0","revision":"abc","state":"serving","ready":true,"safe_to_stop":false,)"
      R"("uptime_seconds":1.500000000,"cores":0,"connections":5,"sessions":{"online":0,"offline":2},)"
      R"("subscriptions":0,"retained_messages":0,"queued_messages":0,)"
      R"("publish":{"received":9007199254740993,"delivered":0,"dropped":0}})"
      "\n");
}

TEST_F(RoutesTest, ClusterWithoutPeer) {
  EXPECT_EQ(Get("/api/v1/cluster").body,
            R"({"name":"tandem","role":"single","epoch":0,)"
            R"("exposed":{"messages":0,"seconds":0.000000000},)"
            R"("standing":"","standing_because":"","witness":null,"peer":null})"
            "\n");
}

TEST_F(RoutesTest, ClusterWithPeer) {
  cluster_ = {
      .name = "tandem",
      .role = "paired",
      .epoch = 7,
      .exposed_messages = 12,
      .exposed_ns = 1'500'000'000,
      .standing = "paired",
      .witness =
          WitnessStatus{
              .reachable = false, .error = "refused", .won = 1, .lost = 2, .unreachable = 3},
      .peer = PeerStatus{.name = "beta",
                         .up = true,
                         .in_step = true,
                         .state = NodeState::kServing,
                         .version = "0.1.0",
                         .links = {{"10.9.0.2:7883", true, 210'000}, {"10.0.0.12:7883", false, 0}},
                         .backlog_messages = 3,
                         .backlog_bytes = 400}};
  EXPECT_EQ(
      Get("/api/v1/cluster").body,
      R"({"name":"tandem","role":"paired","epoch":7,)"
      R"("exposed":{"messages":12,"seconds":1.500000000},)"
      R"("standing":"paired","standing_because":"",)"
      R"("witness":{"reachable":false,"error":"refused",)"
      R"("decisions":{"won":1,"lost":2,"unreachable":3}},"peer":{"name":"beta","up":true,"in_step":true,)"
      R"("state":"serving","version":"0.1.0","links":[)"
      R"({"address":"10.9.0.2:7883","up":true,"round_trip_seconds":0.000210000},)"
      R"({"address":"10.0.0.12:7883","up":false,"round_trip_seconds":0.000000000}],)"
      R"("backlog_messages":3,"backlog_bytes":400}})"
      "\n");
  cluster_.peer->state.reset();
  EXPECT_THAT(Get("/api/v1/cluster").body, HasSubstr("\"state\":null"));
  cluster_.witness->reachable.reset();
  EXPECT_THAT(Get("/api/v1/cluster").body, HasSubstr("\"reachable\":null"));
}

TEST_F(RoutesTest, MergesNameTheWinnerOfEachConflict) {
  EXPECT_EQ(Get("/api/v1/merges").body, R"({"node":"alpha","partner":"beta","merges":[]})"
                                        "\n");
  merges_.merges = {
      {.epoch = 5,
       .parted_at_ms = 1'000,
       .met_at_ms = 2'000,
       .whole = true,
       .counts = {{"messages_united", 3}},
       .conflicts = {{"subscription", "client", "a/#", true, 1'100, 1'200},
                     {.kind = "retained", .key = "topic", .filter = {}, .won_here = false}},
       .conflicts_forgotten = 4}};
  EXPECT_EQ(
      Get("/api/v1/merges").body,
      R"({"node":"alpha","partner":"beta","merges":[{"epoch":5,"parted_at_ms":1000,"met_at_ms":2000,)"
      R"("whole":true,"counts":{"messages_united":3},"conflicts":[)"
      R"({"kind":"subscription","key":"client","filter":"a/#","winner":"alpha","here_at_ms":1100,"there_at_ms":1200},)"
      R"({"kind":"retained","key":"topic","winner":"beta","here_at_ms":0,"there_at_ms":0}],)"
      R"("conflicts_forgotten":4}]})"
      "\n");
}

TEST_F(RoutesTest, IgnoresTheQueryAndKnowsNothingElse) {
  EXPECT_EQ(Get("/health/ready?x=/metrics").code, 200u);
  for (const char* url :
       {"", "/", "/metrics/", "/Metrics", "/api/v1", "/api/v1/node/../cluster", "//metrics"}) {
    EXPECT_EQ(Get(url).code, 404u) << url;
  }
  EXPECT_THAT(Get("/").body, HasSubstr("/health/ready\n"));
}

TEST(Routes, OtherMethodsAreRefused) { EXPECT_EQ(MethodNotAllowed().code, 405u); }

TEST_F(RoutesTest, DrainTellsHowFarItIs) {
  EXPECT_EQ(Post("/api/v1/drain", callbacks_).code, 409u) << "it does not drain: refused";
  EXPECT_EQ(Post("/api/v1/drain", callbacks_).body, "words\n");
  EXPECT_FALSE(forced_);
  node_.state = NodeState::kDraining;
  EXPECT_EQ(Post("/api/v1/drain?force", callbacks_).code, 202u);
  EXPECT_TRUE(forced_);
  outcome_.done = true;
  EXPECT_EQ(Post("/api/v1/drain", callbacks_).code, 200u);
}

TEST_F(RoutesTest, ResumeAndForceServeAreDoneOrRefused) {
  for (const char* url : {"/api/v1/resume", "/api/v1/force-serve"}) {
    outcome_.done = false;
    EXPECT_EQ(Post(url, callbacks_).code, 409u);
    outcome_.done = true;
    EXPECT_EQ(Post(url, callbacks_).code, 200u);
    EXPECT_EQ(Get(url).code, 404u) << "looking changes nothing";
  }
  EXPECT_EQ(told_, (std::vector<std::string>{"resume", "resume", "force-serve", "force-serve"}));
  EXPECT_EQ(Post("/metrics", callbacks_).code, 404u);
}

}  // namespace
}  // namespace tandem::admin
