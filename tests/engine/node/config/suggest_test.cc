#include "engine/node/config/suggest.h"

#include <gtest/gtest.h>

namespace tandem::config {
namespace {

TEST(Suggest, CountsEdits) {
  EXPECT_EQ(EditDistance("", ""), 0u);
  EXPECT_EQ(EditDistance("name", "name"), 0u);
  EXPECT_EQ(EditDistance("nmae", "name"), 1u);  // neighbours swapped
  EXPECT_EQ(EditDistance("nam", "name"), 1u);
  EXPECT_EQ(EditDistance("names", "name"), 1u);
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3u);
  EXPECT_EQ(EditDistance("", "abc"), 3u);
}

TEST(Suggest, FindsTheNearestSpelling) {
  const std::vector<std::string_view> keys = {"node.name", "node.data_dir", "mqtt.max_qos",
                                              "mqtt.max_packet_size"};
  EXPECT_EQ(Nearest("node.nmae", keys), "node.name");
  EXPECT_EQ(Nearest("mqtt.max-packet-size", keys), "mqtt.max_packet_size");
  EXPECT_EQ(Nearest("nod.data_dir", keys), "node.data_dir");
}

TEST(Suggest, FindsTheSameWordInAnotherSection) {
  EXPECT_EQ(Nearest("queue.max_qos", {"node.name", "mqtt.max_qos"}), "mqtt.max_qos");
}

TEST(Suggest, SaysNothingWhenNothingIsNear) {
  EXPECT_EQ(Nearest("bridge.remote", {"node.name", "mqtt.max_qos"}), "");
}

}  // namespace
}  // namespace tandem::config
