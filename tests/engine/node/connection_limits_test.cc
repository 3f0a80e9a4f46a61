#include "engine/node/connection_limits.h"

#include <gtest/gtest.h>

#include <string>

#include "engine/base/limits.h"

namespace tandem::node {
namespace {

using broker::Admission;

constexpr MonoNs kStart = 1'000 * kNanosecondsPerSecond;

TEST(ConnectionLimits, TakesEverybodyWithoutLimits) {
  ConnectionLimits limits;
  for (int i = 0; i < 10'000; ++i)
    EXPECT_EQ(limits.Open("10.0.0.1", kStart).admission, Admission::kGranted);
  EXPECT_EQ(limits.addresses(), 0u);
}

TEST(ConnectionLimits, TakesSoManyAtATime) {
  ConnectionLimits limits({.connections = 2});
  EXPECT_EQ(limits.Open("a", kStart).admission, Admission::kGranted);
  EXPECT_EQ(limits.Open("b", kStart).admission, Admission::kGranted);
  EXPECT_EQ(limits.Open("c", kStart).admission, Admission::kQuotaExceeded);
  limits.Close("c", Admission::kQuotaExceeded, kStart);
  EXPECT_EQ(limits.Open("c", kStart).admission, Admission::kQuotaExceeded);
  limits.Close("a", Admission::kGranted, kStart);
  EXPECT_EQ(limits.Open("c", kStart).admission, Admission::kGranted);
}

TEST(ConnectionLimits, TakesSoManyOfOneAddress) {
  ConnectionLimits limits({.connections = 3, .connections_per_address = 1});
  EXPECT_EQ(limits.Open("10.0.0.1", kStart).admission, Admission::kGranted);
  EXPECT_EQ(limits.Open("10.0.0.1", kStart).admission, Admission::kQuotaExceeded);
  EXPECT_EQ(limits.Open("10.0.0.2", kStart).admission, Admission::kGranted);
  EXPECT_EQ(limits.Open("10.0.0.3", kStart).admission, Admission::kGranted)
      << "who was refused takes no place";
  limits.Close("10.0.0.1", Admission::kGranted, kStart);
  EXPECT_EQ(limits.addresses(), 2u);
  EXPECT_EQ(limits.Open("10.0.0.1", kStart).admission, Admission::kGranted);
}

TEST(ConnectionLimits, TakesABurstAndThenTheRate) {
  ConnectionLimits limits({.rate = 5});
  const auto taken = [&](MonoNs now) {
    int count = 0;
    for (int i = 0; i < 20; ++i) {
      const auto verdict = limits.Open("a", now);
      count += verdict.admission == Admission::kGranted;
      limits.Close("a", verdict.admission, now);
    }
    return count;
  };
  EXPECT_EQ(taken(kStart), 5);
  EXPECT_EQ(taken(kStart + kNanosecondsPerSecond / 5), 1);
  EXPECT_EQ(taken(kStart + 10 * kNanosecondsPerSecond), 5);
}

TEST(ConnectionLimits, TakesTheRateOfOneAddress) {
  ConnectionLimits limits({.rate_per_address = 2});
  for (const Admission wanted :
       {Admission::kGranted, Admission::kGranted, Admission::kRateExceeded})
    EXPECT_EQ(limits.Open("10.0.0.1", kStart).admission, wanted);
  EXPECT_EQ(limits.Open("10.0.0.2", kStart).admission, Admission::kGranted);
  EXPECT_EQ(limits.Open("10.0.0.1", kStart + kNanosecondsPerSecond).admission, Admission::kGranted);
}

TEST(ConnectionLimits, AnswersABoundedNumberOfThoseItRefuses) {
  ConnectionLimits limits({.connections = 1});
  limits.Open("a", kStart);
  for (std::size_t i = 0; i < kRefusalsWaitingMax; ++i)
    EXPECT_TRUE(limits.Open("a", kStart).answers);
  EXPECT_FALSE(limits.Open("a", kStart).answers);
  limits.Close("a", Admission::kQuotaExceeded, kStart);
  EXPECT_TRUE(limits.Open("a", kStart).answers);
}

TEST(ConnectionLimits, WatchesABoundedNumberOfAddresses) {
  ConnectionLimits limits({.rate_per_address = 1});
  for (std::size_t i = 0; i < kWatchedAddressesMax + 10; ++i) {
    const std::string host = std::to_string(i);
    EXPECT_EQ(limits.Open(host, kStart).admission, Admission::kGranted);
    limits.Close(host, Admission::kGranted, kStart);
  }
  EXPECT_EQ(limits.addresses(), kWatchedAddressesMax);
  limits.Open("new", kStart + 2 * kNanosecondsPerSecond);
  EXPECT_EQ(limits.addresses(), 1u) << "those that have gone are forgotten when room is needed";
}

TEST(AddressGroup, IsTheNetworkOfAnIpv6Address) {
  EXPECT_EQ(AddressGroup("2001:db8:1:2:3::4"), AddressGroup("2001:db8:1:2::1"));
  EXPECT_NE(AddressGroup("2001:db8:1:3::4"), AddressGroup("2001:db8:1:2::4"));
  EXPECT_EQ(AddressGroup("fe80::1%eth0"), AddressGroup("fe80::2%eth1"));
}

TEST(AddressGroup, KnowsAnIpv4AddressInBothForms) {
  EXPECT_EQ(AddressGroup("::ffff:10.0.0.1"), AddressGroup("10.0.0.1"));
  EXPECT_NE(AddressGroup("10.0.0.1"), AddressGroup("10.0.0.2"));
}

}  // namespace
}  // namespace tandem::node
