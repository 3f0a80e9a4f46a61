#include "engine/node/config/availability.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/node/config/setting.h"
#include "tests/engine/node/config/load_helpers.h"

namespace tandem::config {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Each of these is a key of the configuration and must be refused, not ignored.
class Unavailable : public ::testing::TestWithParam<std::string> {};

TEST_P(Unavailable, IsRefusedWithItsKey) {
  const std::string path = GetParam().substr(0, GetParam().find('='));
  EXPECT_THAT(ReasonsOf({GetParam()}),
              Contains(::testing::AllOf(::testing::StartsWith(path + ": "),
                                        HasSubstr("not available in this version"))));
}

TEST_P(Unavailable, IsSaidByTheReference) {
  const std::string path = GetParam().substr(0, GetParam().find('='));
  EXPECT_THAT(AvailabilityOf(PatternOf(path)), HasSubstr("n this version"));
}

INSTANTIATE_TEST_SUITE_P(
    AllRows, Unavailable,
    ::testing::Values("listener.0.protocol=websocket", "listener.0.websocket_path=/mqtt",
                      "listener.0.tls.certificate=/c", "listener.0.tls.key=/k",
                      "listener.0.tls.client_ca=/ca", "listener.0.proxy_protocol=accept",
                      "listener.0.proxy_protocol=require", "admin.users_file=/u",
                      "auth.users_file=/u", "auth.acl_file=/a", "auth.allow_anonymous=false",
                      "durability.ack_after=disk", "durability.ack_after=peer-and-disk",
                      "durability.ack_after=memory"));

TEST(Availability, AKeyWithoutEffectIsTakenAndSaysSo) {
  for (const std::string key :
       {"listener.#.tls.min_version", "listener.#.trusted_proxies", "durability.flush_interval"})
    EXPECT_EQ(AvailabilityOf(key), "Without effect in this version.") << key;
  EXPECT_THAT(ReasonsOf({"durability.flush_interval=1ms"}), ElementsAre());
  EXPECT_EQ(AvailabilityOf("mqtt.max_qos"), "");
}

TEST(Availability, NamesTheListenerThatAsks) {
  EXPECT_THAT(
      ReasonsOf({"listener.0.name=plain", "listener.1.address=127.0.0.1:1884",
                 "listener.1.protocol=websocket"}),
      ElementsAre("listener.1.protocol: WebSocket listeners are not available in this version"));
}

TEST(Availability, ClosedListenersSayHowToOpenThem) {
  EXPECT_THAT(
      ReasonsOf({"listener.0.address=0.0.0.0:1883"}),
      ElementsAre("auth.allow_anonymous: refusing clients without credentials "
                  "(auth.allow_anonymous = false) is "
                  "not available in this version; set auth.allow_anonymous = true to let every "
                  "client in (false "
                  "is the default with a configuration file or a listener beyond loopback)"));
}

}  // namespace
}  // namespace tandem::config
