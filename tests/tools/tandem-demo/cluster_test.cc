#include "tools/tandem-demo/cluster.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>

#include "tests/support/temp_dir.h"
#include "tests/tools/tandem-demo/shell.h"

namespace tandem::demo {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class ClusterTest : public ::testing::Test {
 protected:
  // Programs in the place of tandemd and HAProxy.
  std::string Script(const std::string& name, const std::string& body) {
    const std::string path = directory_.Write(name, "#!/bin/sh\n" + body + "\n");
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    return path;
  }
  std::string Sleeper() { return Script("sleeper", "exec sleep 1000"); }
  Cluster Make(const std::string& tandemd) {
    return Cluster({.tandemd = tandemd,
                    .haproxy = Sleeper(),
                    .directory = directory_.Path(""),
                    .outlives_demo = false},
                   *ports_);
  }
  // Until Check says that something is wrong.
  absl::Status EventuallyBroken(Cluster& cluster) {
    const TimePoint deadline = Clock::now() + kDeadline;
    absl::Status status = cluster.Check();
    while (status.ok() && Clock::now() < deadline) status = cluster.Check();
    return status;
  }

  testing::TempDir directory_;
  absl::StatusOr<PortBlock> ports_ = PortBlock::Reserve(std::nullopt);
};

TEST_F(ClusterTest, ANodeThatEndsByItselfIsReportedWithItsLastWords) {
  Cluster cluster = Make(Script("tandemd", "echo no such thing; exit 2"));
  ASSERT_TRUE(cluster.WriteFiles().ok());
  ASSERT_TRUE(cluster.StartNode(1).ok());
  EXPECT_THAT(std::string(EventuallyBroken(cluster).message()),
              AllOf(HasSubstr("beta ended by itself, exit code 2"), HasSubstr("no such thing")));
}

TEST_F(ClusterTest, ANodeThatWasKilledIsNoSurprise) {
  Cluster cluster = Make(Sleeper());
  ASSERT_TRUE(cluster.WriteFiles().ok());
  ASSERT_TRUE(cluster.StartNode(0).ok());
  ASSERT_TRUE(cluster.StartNode(1).ok());
  ASSERT_TRUE(cluster.StartBalancer().ok());
  const pid_t victim = cluster.pid(0);
  EXPECT_TRUE(cluster.KillNode(0).ok());
  EXPECT_EQ(kill(victim, 0), -1);
  EXPECT_EQ(cluster.pid(0), -1);
  EXPECT_TRUE(cluster.Check().ok());
  EXPECT_TRUE(cluster.StartNode(0).ok());
  EXPECT_NE(cluster.pid(0), victim);
}

TEST_F(ClusterTest, ANodeThatIsTerminatedEndsInItsOwnTimeAndSaysHow) {
  Cluster cluster =
      Make(Script("tandemd", "trap 'exit 7' TERM; touch \"$2.up\"; while :; do :; done"));
  ASSERT_TRUE(cluster.WriteFiles().ok());
  ASSERT_TRUE(cluster.StartNode(0).ok());
  const TimePoint deadline = Clock::now() + kDeadline;
  while (!std::filesystem::exists(directory_.Path("alpha.toml.up")) && Clock::now() < deadline) {
  }
  EXPECT_FALSE(cluster.Ended(0));
  cluster.TerminateNode(0);
  std::optional<Exit> exit = cluster.Ended(0);
  while (!exit && Clock::now() < deadline) exit = cluster.Ended(0);
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->code, 7);
  EXPECT_TRUE(cluster.Check().ok());
}

TEST_F(ClusterTest, ACutCableIsStoppedAndEndsAllTheSame) {
  Cluster cluster = Make(Sleeper());
  ASSERT_TRUE(cluster.WriteFiles().ok());
  ASSERT_TRUE(cluster.StartCable().ok());
  const pid_t cable = cluster.cable_pid();
  cluster.CutCable();
  EXPECT_TRUE(cluster.Check().ok());
  cluster.Stop();
  EXPECT_EQ(kill(cable, 0), -1);
}

TEST_F(ClusterTest, StopEndsEverythingAndReleaseNothing) {
  Cluster cluster = Make(Sleeper());
  ASSERT_TRUE(cluster.WriteFiles().ok());
  ASSERT_TRUE(cluster.StartNode(0).ok());
  ASSERT_TRUE(cluster.StartBalancer().ok());
  const pid_t node = cluster.pid(0);
  cluster.Stop();
  EXPECT_EQ(kill(node, 0), -1);
  EXPECT_EQ(cluster.balancer_pid(), -1);

  ASSERT_TRUE(cluster.StartNode(0).ok());
  const pid_t released = cluster.pid(0);
  cluster.Release();
  EXPECT_EQ(kill(released, 0), 0);
  EXPECT_EQ(kill(released, SIGKILL), 0);
}

TEST_F(ClusterTest, NoTwoProcessesShareAPort) {
  const Cluster cluster = Make("");
  std::set<std::uint16_t> ports = {cluster.balancer_port()};
  for (NodeIndex i = 0; i < kNodes; ++i)
    for (const std::uint16_t port :
         {cluster.mqtt_port(i), cluster.admin_port(i), cluster.link_port(i), cluster.cable_port(i)})
      EXPECT_TRUE(ports.insert(port).second) << port;
}

}  // namespace
}  // namespace tandem::demo
