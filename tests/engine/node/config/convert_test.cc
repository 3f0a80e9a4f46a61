#include "engine/node/config/convert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tandem::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Setting Toml(Value value) { return {std::move(value), /*is_text=*/false, {}}; }
Setting Text(std::string text) { return {Value(std::move(text)), /*is_text=*/true, {}}; }
const Key& KeyOf(std::string_view path) { return *FindKey(path); }

TEST(Convert, TakesNumbersFromTomlAndFromText) {
  std::uint64_t field = 0;
  EXPECT_FALSE(Convert(KeyOf("mqtt.receive_maximum"), Toml(std::int64_t{7}), field));
  EXPECT_EQ(field, 7u);
  EXPECT_FALSE(Convert(KeyOf("mqtt.receive_maximum"), Text("10_0"), field));
  EXPECT_EQ(field, 100u);
}

TEST(Convert, RefusesNumbersOutOfBoundsAndNumbersInQuotes) {
  std::uint64_t field = 5;
  EXPECT_THAT(*Convert(KeyOf("mqtt.receive_maximum"), Toml(std::int64_t{0}), field),
              HasSubstr("from 1 to 65535, got 0"));
  EXPECT_TRUE(Convert(KeyOf("mqtt.receive_maximum"), Toml(std::int64_t{65'536}), field));
  EXPECT_TRUE(Convert(KeyOf("mqtt.receive_maximum"), Toml(std::string("7")), field));
  EXPECT_TRUE(Convert(KeyOf("mqtt.receive_maximum"), Text("seven"), field));
  EXPECT_EQ(field, 5u);
}

TEST(Convert, TakesSizesAsTextOrBytes) {
  std::uint64_t field = 0;
  EXPECT_FALSE(Convert(KeyOf("mqtt.max_packet_size"), Toml(std::string("2KiB")), field));
  EXPECT_EQ(field, 2048u);
  EXPECT_FALSE(Convert(KeyOf("mqtt.max_packet_size"), Toml(std::int64_t{4096}), field));
  EXPECT_EQ(field, 4096u);
  EXPECT_TRUE(Convert(KeyOf("mqtt.max_packet_size"), Toml(std::string("1GiB")), field));
}

TEST(Convert, TakesDurations) {
  std::int64_t field = 0;
  EXPECT_FALSE(Convert(KeyOf("cluster.failure_after"), Text("750ms"), field));
  EXPECT_EQ(field, 750'000'000);
  EXPECT_TRUE(Convert(KeyOf("cluster.failure_after"), Text("1ms"), field));
  EXPECT_TRUE(Convert(KeyOf("cluster.failure_after"), Toml(std::int64_t{1}), field));
}

TEST(Convert, TakesFlags) {
  bool field = false;
  EXPECT_FALSE(Convert(KeyOf("cluster.insecure"), Toml(true), field));
  EXPECT_TRUE(field);
  EXPECT_FALSE(Convert(KeyOf("cluster.insecure"), Text("false"), field));
  EXPECT_FALSE(field);
  EXPECT_TRUE(Convert(KeyOf("cluster.insecure"), Toml(std::string("true")), field));
  EXPECT_TRUE(Convert(KeyOf("cluster.insecure"), Text("yes"), field));
}

TEST(Convert, TakesListsAsTomlOrSeparatedByCommas) {
  std::vector<std::string> field;
  const Key& key = KeyOf("listener.#.trusted_proxies");
  EXPECT_FALSE(Convert(key, Toml(std::vector<std::string>{"a", "b"}), field));
  EXPECT_THAT(field, ElementsAre("a", "b"));
  EXPECT_FALSE(Convert(key, Text("a, b"), field));
  EXPECT_THAT(field, ElementsAre("a", "b"));
  EXPECT_FALSE(Convert(key, Text(R"(["c","d"])"), field));
  EXPECT_THAT(field, ElementsAre("c", "d"));
  EXPECT_FALSE(Convert(key, Text(""), field));
  EXPECT_TRUE(field.empty());
  EXPECT_TRUE(Convert(key, Toml(std::string("a")), field));
}

TEST(Convert, TakesListsOfAddresses) {
  std::vector<Address> field;
  const Key& key = KeyOf("cluster.member.#.links");
  EXPECT_FALSE(Convert(key, Text("10.9.0.1:7883,[::1]:7884"), field));
  EXPECT_THAT(field, ElementsAre(Address{"10.9.0.1", 7883}, Address{"::1", 7884}));
  EXPECT_TRUE(Convert(key, Text("10.9.0.1:7883,nonsense"), field));
}

TEST(Convert, TakesCores) {
  std::vector<unsigned> field;
  EXPECT_FALSE(Convert(KeyOf("engine.cores"), Toml(std::string("1-2")), field));
  EXPECT_THAT(field, ElementsAre(1, 2));
  EXPECT_FALSE(Convert(KeyOf("engine.cores"), Toml(std::int64_t{3}), field));
  EXPECT_THAT(field, ElementsAre(3));
  EXPECT_TRUE(Convert(KeyOf("engine.cores"), Toml(false), field));
}

TEST(Convert, TakesChoicesInTheOrderOfTheEnum) {
  WhenFull field = WhenFull::kDropOldest;
  EXPECT_FALSE(Convert(KeyOf("queue.when_full"), Text("disconnect"), field));
  EXPECT_EQ(field, WhenFull::kDisconnect);
  EXPECT_EQ(*Convert(KeyOf("queue.when_full"), Text("drop"), field),
            R"(expected "drop-oldest", "drop-newest" or "disconnect", got "drop")");
  EXPECT_TRUE(Convert(KeyOf("queue.when_full"), Text(""), field));
}

TEST(Convert, TakesPartitionPolicies) {
  PartitionPolicy field;
  EXPECT_FALSE(Convert(KeyOf("cluster.on_partition"), Text("prefer:beta"), field));
  EXPECT_EQ(field, (PartitionPolicy{OnPartition::kPrefer, "beta"}));
  EXPECT_FALSE(Convert(KeyOf("cluster.on_partition"), Text("witness"), field));
  EXPECT_EQ(field, (PartitionPolicy{OnPartition::kWitness, ""}));
  EXPECT_TRUE(Convert(KeyOf("cluster.on_partition"), Text("prefer:"), field));
  EXPECT_TRUE(Convert(KeyOf("cluster.on_partition"), Toml(true), field));
}

}  // namespace
}  // namespace tandem::config
