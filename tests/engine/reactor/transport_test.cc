#include "engine/reactor/transport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "engine/reactor/socket_address.h"

namespace tandem::reactor {
namespace {

TEST(Endpoint, SurvivesTextAndBack) {
  for (const Endpoint& endpoint :
       {Endpoint{"127.0.0.1", 1883}, Endpoint{"::1", 65535}, Endpoint{"0.0.0.0", 0}}) {
    const auto parsed = ParseEndpoint(ToString(endpoint));
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(*parsed, endpoint);
  }
  EXPECT_EQ(ToString(Endpoint{"::1", 1883}), "[::1]:1883");
}

TEST(Endpoint, RefusesWhatIsNoNumericAddressAndPort) {
  for (const char* text : {"", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
                           "127.0.0.1: 1", "::1:1883", "[::1]", "example.org:1883", ":1883", "[]:1",
                           "127.0.0.1:18\n83", "1.2.3.400:1"}) {
    const auto parsed = ParseEndpoint(text);
    EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(SocketAddress, ConvertsBothFamilies) {
  for (const Endpoint& endpoint : {Endpoint{"10.1.2.3", 1883}, Endpoint{"2001:db8::7", 8883}}) {
    const auto address = ToSocketAddress(endpoint);
    ASSERT_TRUE(address.ok()) << address.status();
    EXPECT_EQ(ToEndpoint(*address), endpoint);
  }
}

TEST(SocketAddress, ShowsMappedIpv4AsIpv4) {
  const auto address = ToSocketAddress({"::ffff:10.1.2.3", 5});
  ASSERT_TRUE(address.ok());
  EXPECT_EQ(ToEndpoint(*address), (Endpoint{"10.1.2.3", 5}));
  EXPECT_EQ(ToEndpoint(SocketAddress{}), Endpoint{});
}

}  // namespace
}  // namespace tandem::reactor
