#include "cluster/discovery/multicast_discovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <random>
#include <thread>

#include "engine/reactor/monotonic_clock.h"

namespace tandem::cluster {
namespace {

const Announcement kBeta{.cluster = "c", .node = "beta", .incarnation = 2, .links = {{"", 7883}}};

TEST(Announcement, CrossesTheWire) {
  const auto datagram = EncodeAnnouncement(kBeta, "secret");
  const auto back = DecodeAnnouncement(datagram, "secret");
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->node, "beta");
  EXPECT_EQ(back->incarnation, 2u);
  EXPECT_EQ(back->links, kBeta.links);
}

TEST(Announcement, WithoutTheSecretIsNotBelieved) {
  EXPECT_TRUE(absl::IsPermissionDenied(
      DecodeAnnouncement(EncodeAnnouncement(kBeta, "guess"), "secret").status()));
  EXPECT_TRUE(absl::IsPermissionDenied(
      DecodeAnnouncement(EncodeAnnouncement(kBeta, ""), "secret").status()));
  auto datagram = EncodeAnnouncement(kBeta, "secret");
  for (std::size_t bit = 0; bit < datagram.size() * 8; ++bit) {
    datagram[bit / 8] = static_cast<std::uint8_t>(datagram[bit / 8] ^ (1 << bit % 8));
    EXPECT_FALSE(DecodeAnnouncement(datagram, "secret").ok());
    datagram[bit / 8] = static_cast<std::uint8_t>(datagram[bit / 8] ^ (1 << bit % 8));
  }
}

TEST(Announcement, NoiseIsHarmless) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 20'000; ++i) {
    std::vector<std::uint8_t> noise(random() % 1200);
    for (std::uint8_t& byte : noise) byte = static_cast<std::uint8_t>(random());
    (void)DecodeAnnouncement(noise, "");  // any answer, but no crash
    auto datagram = EncodeAnnouncement(kBeta, "");
    datagram[random() % datagram.size()] = static_cast<std::uint8_t>(random());
    (void)DecodeAnnouncement(datagram, "");
  }
}

TEST(PartnerChoice, TakesTheFirstOtherNodeAndKeepsIt) {
  PartnerChoice choice("c", "alpha", "");
  const auto found = choice.OnAnnouncement(kBeta, "10.0.0.2", false);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->name, "beta");
  EXPECT_EQ(found->links[0].host, "10.0.0.2") << "an empty host is where it came from";
  EXPECT_FALSE(choice.OnAnnouncement(kBeta, "10.0.0.2", false)) << "no news";
  EXPECT_TRUE(choice.OnAnnouncement(kBeta, "10.0.0.9", false)) << "it has moved";
  EXPECT_FALSE(choice.TakeComplaint());
}

TEST(PartnerChoice, ComplainsOnceAboutAThirdNode) {
  PartnerChoice choice("c", "alpha", "");
  choice.OnAnnouncement(kBeta, "10.0.0.2", false);
  Announcement third = kBeta;
  third.node = "gamma";
  EXPECT_FALSE(choice.OnAnnouncement(third, "10.0.0.3", false));
  EXPECT_THAT(choice.TakeComplaint().value_or(""), ::testing::HasSubstr("gamma"));
  EXPECT_FALSE(choice.OnAnnouncement(third, "10.0.0.3", false));
  EXPECT_FALSE(choice.TakeComplaint());
}

TEST(PartnerChoice, IgnoresOtherClustersAndItself) {
  PartnerChoice choice("c", "alpha", "");
  Announcement other = kBeta;
  other.cluster = "d";
  EXPECT_FALSE(choice.OnAnnouncement(other, "10.0.0.2", false));
  Announcement own = kBeta;
  own.node = "alpha";
  EXPECT_FALSE(choice.OnAnnouncement(own, "10.0.0.1", true));
  EXPECT_FALSE(choice.TakeComplaint());
  EXPECT_FALSE(choice.OnAnnouncement(own, "10.0.0.7", false));
  EXPECT_TRUE(choice.TakeComplaint()) << "a namesake";
}

TEST(MulticastDiscovery, TwoNodesHearEachOther) {
  ClusterOptions options;
  options.identity = {
      .cluster = "c", .node = "alpha", .incarnation = Incarnation{1}, .secret = "s"};
  options.interface = "lo";
  options.discovery = DiscoveryKind::kMulticast;
  options.multicast.group.port = static_cast<std::uint16_t>(20'000 + getpid() % 10'000);
  options.multicast.announce_every = 5 * kNanosecondsPerMillisecond;
  ClusterOptions other = options;
  other.identity.node = "beta";
  other.identity.incarnation = Incarnation{2};
  MulticastDiscovery alpha(options, 1001);
  MulticastDiscovery beta(other, 1002);
  const absl::Status started = alpha.Start(0);
  if (!started.ok()) GTEST_SKIP() << "no multicast on this host: " << started;
  ASSERT_TRUE(beta.Start(0).ok());
  std::optional<FoundPeer> of_alpha;
  std::optional<FoundPeer> of_beta;
  const MonoNs end = reactor::MonotonicNow() + 3 * kNanosecondsPerSecond;
  for (MonoNs now = 0; (!of_alpha || !of_beta) && (now = reactor::MonotonicNow()) < end;
       std::this_thread::yield()) {
    if (auto found = alpha.Turn(now)) of_alpha = found;
    if (auto found = beta.Turn(now)) of_beta = found;
  }
  if (const auto complaint = alpha.TakeComplaint())
    GTEST_SKIP() << "no multicast on this host: " << *complaint;
  ASSERT_TRUE(of_alpha && of_beta);
  EXPECT_EQ(of_alpha->name, "beta");
  EXPECT_EQ(of_alpha->links[0].port, 1002);
  EXPECT_EQ(of_beta->links[0].port, 1001);
}

}  // namespace
}  // namespace tandem::cluster
