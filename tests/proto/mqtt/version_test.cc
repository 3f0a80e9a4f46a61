#include "proto/mqtt/version.h"

#include <gtest/gtest.h>

namespace tandem::mqtt {
namespace {

TEST(Version, NamesAndLevelsAreThoseOfConnect_MQTT_3_1_2_1) {
  EXPECT_EQ(ProtocolName(Version::k31), "MQIsdp");
  EXPECT_EQ(ProtocolName(Version::k311), "MQTT");
  EXPECT_EQ(ProtocolName(Version::k5), "MQTT");
  EXPECT_EQ(Level(Version::k31), 3);
  EXPECT_EQ(Level(Version::k311), 4);
  EXPECT_EQ(Level(Version::k5), 5);
}

TEST(Version, HasANameForPeople) {
  EXPECT_EQ(Name(Version::k31), "3.1");
  EXPECT_EQ(Name(Version::k311), "3.1.1");
  EXPECT_EQ(Name(Version::k5), "5.0");
}

}  // namespace
}  // namespace tandem::mqtt
