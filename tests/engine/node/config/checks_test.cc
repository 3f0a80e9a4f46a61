#include "engine/node/config/checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/engine/node/config/load_helpers.h"
#include "tests/support/temp_dir.h"

namespace tandem::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Checks, APairOnLoopbackIsFine) { EXPECT_THAT(ReasonsOf(Pair()), IsEmpty()); }

TEST(Checks, ThisNodeMustBeAMember) {
  EXPECT_THAT(
      ReasonsOf(Pair({"node.name=gamma"})),
      ElementsAre(
          R"(node.name: "gamma" is none of the names under [[cluster.member]] ("alpha", "beta"))"));
}

TEST(Checks, ThisNodeMustSayWhichMemberItIs) {
  std::vector<std::string> sets = Pair();
  sets.erase(sets.begin());
  EXPECT_THAT(ReasonsOf(sets),
              ElementsAre(HasSubstr("node.name must say which of them this node is")));
}

TEST(Checks, ThereAreTwoMembers) {
  EXPECT_THAT(ReasonsOf({"node.name=alpha", "cluster.member.0.name=alpha",
                         "cluster.member.0.links=127.0.0.1:7883"}),
              ElementsAre(HasSubstr("exactly two [[cluster.member]], this one has 1")));
  EXPECT_THAT(
      ReasonsOf(Pair({"cluster.member.2.name=gamma", "cluster.member.2.links=127.0.0.1:7885"})),
      ElementsAre(HasSubstr("exactly two [[cluster.member]], this one has 3")));
}

TEST(Checks, MemberNamesDiffer) {
  EXPECT_THAT(ReasonsOf(Pair({"cluster.member.1.name=alpha"})),
              ElementsAre(R"(cluster.member.1.name: "alpha" is the name of cluster.member.0 too)"));
}

TEST(Checks, NamesAreNames) {
  EXPECT_THAT(ReasonsOf({"node.name=a b"}), ElementsAre(HasSubstr(R"("a b" is no name)")));
  EXPECT_THAT(ReasonsOf({"node.name="}), ElementsAre(HasSubstr(R"("" is no name)")));
  EXPECT_THAT(ReasonsOf({"cluster.name=" + std::string(65, 'x')}),
              ElementsAre(HasSubstr("is no name")));
}

TEST(Checks, LinksHaveAddressesThatThePartnerCanReach) {
  EXPECT_THAT(ReasonsOf(Pair({"cluster.member.1.links="})),
              ElementsAre(HasSubstr("at least one address is needed")));
  EXPECT_THAT(ReasonsOf(Pair({"cluster.member.1.links=127.0.0.1:0"})),
              ElementsAre(HasSubstr("a link needs a port")));
  EXPECT_THAT(ReasonsOf(Pair({"cluster.member.1.links=0.0.0.0:7884", "cluster.insecure=true"})),
              ElementsAre(HasSubstr("0.0.0.0:7884 is no address that the partner can reach")));
  EXPECT_THAT(
      ReasonsOf(Pair({"cluster.member.1.links=127.0.0.1:7883"})),
      ElementsAre(
          "cluster.member.1.links: 127.0.0.1:7883 is listed already in cluster.member.0.links"));
}

TEST(Checks, LinksThatLeaveTheHostNeedASecret) {
  const std::vector<std::string> sets = Pair({"cluster.member.1.links=10.9.0.2:7883"});
  EXPECT_THAT(ReasonsOf(sets), ElementsAre(HasSubstr("10.9.0.2:7883 leaves this host")));
  EXPECT_THAT(ReasonsOf(Pair({"cluster.member.1.links=10.9.0.2:7883", "cluster.insecure=true"})),
              IsEmpty());
}

TEST(Checks, MulticastNeedsASecret) {
  EXPECT_THAT(ReasonsOf({"cluster.discovery=multicast"}),
              ElementsAre(HasSubstr("needs cluster.secret_file")));
  EXPECT_THAT(ReasonsOf({"cluster.discovery=multicast", "cluster.insecure=true"}), IsEmpty());
}

class SecretFile : public ::testing::Test {
 protected:
  std::vector<std::string> ReasonsWith(std::string_view content, mode_t mode) {
    const std::string path = dir_.Write("key", content);
    chmod(path.c_str(), mode);
    return ReasonsOf(Pair({"cluster.member.1.links=10.9.0.2:7883", "cluster.secret_file=" + path}));
  }
  const std::string good_ = std::string(32, 'k');
  testing::TempDir dir_;
};

TEST_F(SecretFile, IsEnoughForLinksThatLeaveTheHost) {
  EXPECT_THAT(ReasonsWith(good_, 0640), IsEmpty());
}

TEST_F(SecretFile, MustNotBeOpenToTheWorld) {
  EXPECT_THAT(ReasonsWith(good_, 0644), ElementsAre(HasSubstr("open to everybody")));
  EXPECT_THAT(ReasonsWith(good_, 0602), ElementsAre(HasSubstr("open to everybody")));
}

TEST_F(SecretFile, MustHoldThirtyTwoBytes) {
  EXPECT_THAT(ReasonsWith(good_.substr(1), 0600),
              ElementsAre(HasSubstr("holds 31 bytes, at least 32 are needed")));
}

TEST_F(SecretFile, MustExistAndBeAFile) {
  EXPECT_THAT(ReasonsOf({"cluster.secret_file=" + dir_.Path("missing")}),
              ElementsAre(HasSubstr("No such file")));
  EXPECT_THAT(ReasonsOf({"cluster.secret_file=/dev/null"})[0], HasSubstr("is no file"));
}

TEST(Checks, AddressesDoNotCollide) {
  EXPECT_THAT(ReasonsOf({"listener.0.address=127.0.0.1:9883"}),
              ElementsAre("listener.0.address: 127.0.0.1:9883 is taken already by admin.address"));
  EXPECT_THAT(ReasonsOf({"auth.allow_anonymous=true", "listener.0.address=0.0.0.0:9883"}),
              ElementsAre(HasSubstr("is taken already by admin.address")));
  EXPECT_THAT(
      ReasonsOf(Pair({"admin.address=127.0.0.1:7883"})),
      ElementsAre("cluster.member.0.links: 127.0.0.1:7883 is taken already by admin.address"));
  // The partner's links are on another host, and port 0 is whatever the kernel finds.
  EXPECT_THAT(ReasonsOf(Pair({"admin.address=127.0.0.1:7884"})), IsEmpty());
  EXPECT_THAT(ReasonsOf({"listener.0.address=127.0.0.1:0", "admin.address=127.0.0.1:0"}),
              IsEmpty());
}

TEST(Checks, TrustedProxiesAreAddresses) {
  EXPECT_THAT(
      ReasonsOf({"listener.0.trusted_proxies=10.0.0.4,proxy.example"}),
      ElementsAre(R"(listener.0.trusted_proxies: "proxy.example" is no numeric IP address)"));
}

TEST(Checks, ProxyProtocolNeedsSomebodyToTrust) {
  EXPECT_THAT(ReasonsOf({"listener.0.proxy_protocol=require"}),
              ::testing::Contains(HasSubstr("needs trusted_proxies")));
}

TEST(Checks, PartitionPoliciesNeedWhatTheyName) {
  EXPECT_THAT(ReasonsOf(Pair({"cluster.on_partition=witness"})),
              ::testing::Contains(HasSubstr(R"(cluster.witness.kind is "none")")));
  EXPECT_THAT(ReasonsOf(Pair({"cluster.on_partition=prefer:gamma"})),
              ::testing::Contains(HasSubstr(R"("gamma" is none of the names)")));
  EXPECT_THAT(ReasonsOf(Pair({"cluster.witness.kind=etcd"})),
              ::testing::Contains(HasSubstr("needs cluster.witness.endpoints")));
  for (const std::string endpoint : {"10.0.0.4:2379", "https://10.0.0.4:2379", "http://10.0.0.4",
                                     "http://:2379", "http://10.0.0.4:"}) {
    EXPECT_THAT(ReasonsOf(Pair({"cluster.on_partition=witness", "cluster.witness.kind=etcd",
                                "cluster.witness.endpoints=" + endpoint})),
                ::testing::Contains(HasSubstr("is not http://HOST:PORT")))
        << endpoint;
  }
  EXPECT_THAT(ReasonsOf(Pair({"cluster.on_partition=witness", "cluster.witness.kind=etcd",
                              "cluster.witness.endpoints=http://10.0.0.4:2379,http://w:2379"})),
              ::testing::Not(::testing::Contains(HasSubstr("witness"))));
}

TEST(Checks, QueuesHoldAtLeastOnePacket) {
  EXPECT_THAT(ReasonsOf({"mqtt.max_packet_size=128MiB"}),
              ElementsAre(HasSubstr("queue.per_session_bytes: must hold"),
                          HasSubstr("cluster.backlog_bytes: must hold")));
}

}  // namespace
}  // namespace tandem::config
