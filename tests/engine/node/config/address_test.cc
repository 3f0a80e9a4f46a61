#include "engine/node/config/address.h"

#include <gtest/gtest.h>

namespace tandem::config {
namespace {

TEST(Address, ReadsV4AndV6) {
  EXPECT_EQ(ParseAddress("10.0.0.4:1883"), (Address{"10.0.0.4", 1883}));
  EXPECT_EQ(ParseAddress("[fe80::0:1]:8883"), (Address{"fe80::1", 8883}));
  EXPECT_EQ(ParseAddress("localhost:0"), (Address{"127.0.0.1", 0}));
}

TEST(Address, RefusesWhatIsNoNumericAddressWithPort) {
  for (const char* text :
       {"", ":", ":1883", "1883", "10.0.0.4", "10.0.0.4:", "10.0.0.4:65536", "10.0.0.4:-1",
        "10.0.0.4:1x", "10.0.0:1883", "256.0.0.1:1883", "broker.example:1883", "fe80::1:1883",
        "[fe80::1]", "[10.0.0.4]:1883", "[]:1883", "10.0.0.4 :1883"}) {
    EXPECT_FALSE(ParseAddress(text)) << text;
  }
}

TEST(Address, WritesWhatItReads) {
  for (const char* text : {"10.0.0.4:1883", "[::1]:65535", "0.0.0.0:0"})
    EXPECT_EQ(ToString(*ParseAddress(text)), text);
}

TEST(Address, KnowsLoopbackAndAny) {
  EXPECT_TRUE(ParseAddress("127.8.0.1:1")->is_loopback());
  EXPECT_TRUE(ParseAddress("[::1]:1")->is_loopback());
  EXPECT_FALSE(ParseAddress("0.0.0.0:1")->is_loopback());
  EXPECT_FALSE(ParseAddress("[::2]:1")->is_loopback());
  EXPECT_TRUE(ParseAddress("[::]:1")->is_any());
  EXPECT_TRUE(ParseAddress("0.0.0.0:1")->is_any());
  EXPECT_FALSE(ParseAddress("127.0.0.1:1")->is_any());
}

TEST(Address, ReadsIpWithoutPort) {
  EXPECT_EQ(ParseIp("10.0.0.5"), "10.0.0.5");
  EXPECT_EQ(ParseIp("::0001"), "::1");
  EXPECT_FALSE(ParseIp("10.0.0.0/8"));
}

}  // namespace
}  // namespace tandem::config
