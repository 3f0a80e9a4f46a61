#include "engine/broker/route_batch.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "engine/base/block_cache.h"

namespace tandem::broker {
namespace {

static_assert(!std::is_copy_constructible_v<RouteBatch>);
static_assert(std::is_nothrow_move_constructible_v<RouteBatch>);
static_assert(sizeof(RouteBatch) == sizeof(void*));

std::vector<std::string> PayloadsOf(const RouteBatch& batch) {
  std::vector<std::string> payloads;
  batch.Each([&](const MessageFields& fields) { payloads.emplace_back(AsText(fields.payload)); });
  return payloads;
}

MessageFields WithPayload(std::string_view payload) {
  return {.topic = "t", .payload = AsBytes(payload)};
}

TEST(RouteBatch, CarriesWhatAMessageConsistsOf) {
  std::string topic = "a/b";
  std::string properties = "pp";
  std::string payload = "payload";
  const RouteBatch batch({.read_at = 1},
                         {.topic = topic,
                          .properties = AsBytes(properties),
                          .payload = AsBytes(payload),
                          .qos = mqtt::QoS::kExactlyOnce,
                          .retain = true,
                          .expires_at = 5,
                          .hlc = 6,
                          .publisher = 7,
                          .id = {.node = NodeId{1}, .core = CoreId{2}, .number = 8}});
  topic = properties = payload = "";
  std::size_t seen = 0;
  batch.Each([&](const MessageFields& fields) {
    ++seen;
    EXPECT_EQ(fields.topic, "a/b");
    EXPECT_EQ(AsText(fields.properties), "pp");
    EXPECT_EQ(AsText(fields.payload), "payload");
    EXPECT_EQ(fields.qos, mqtt::QoS::kExactlyOnce);
    EXPECT_TRUE(fields.retain);
    EXPECT_EQ(fields.expires_at, 5);
    EXPECT_EQ(fields.hlc, 6u);
    EXPECT_EQ(fields.publisher, 7u);
    EXPECT_EQ(fields.id, (MessageId{.node = NodeId{1}, .core = CoreId{2}, .number = 8}));
    EXPECT_EQ(fields.block, nullptr);
  });
  EXPECT_EQ(seen, 1u);
  EXPECT_EQ(batch.terms().read_at, 1);
}

TEST(RouteBatch, KeepsTheOrderAlsoWhenItIsMoved) {
  RouteBatch batch({}, WithPayload("1"));
  EXPECT_TRUE(batch.TryAdd({}, WithPayload("")));
  EXPECT_TRUE(batch.TryAdd({}, WithPayload("333")));
  EXPECT_TRUE(batch.TryAdd({}, {.topic = "t", .payload = AsBytes("4"), .id = {.number = 9}}));
  const RouteBatch moved = std::move(batch);
  EXPECT_EQ(moved.messages(), 4u);
  EXPECT_EQ(moved.last_message().number, 9u);
  EXPECT_EQ(PayloadsOf(moved), (std::vector<std::string>{"1", "", "333", "4"}));
}

TEST(RouteBatch, TakesNoMoreThanItHasRoomFor) {
  const std::string payload(RouteBatch::kMessageBytesMax - 1, 'x');
  ASSERT_TRUE(RouteBatch::IsSmall(WithPayload(payload)));
  ASSERT_FALSE(RouteBatch::IsSmall(WithPayload(payload + "x")));
  RouteBatch batch({}, WithPayload(payload));
  while (batch.TryAdd({}, WithPayload(payload))) {
  }
  EXPECT_GT(batch.messages(), RouteBatch::kBlockBytes / RouteBatch::kMessageBytesMax / 2);
  EXPECT_LT(batch.messages(), RouteBatch::kBlockBytes / RouteBatch::kMessageBytesMax);
  EXPECT_EQ(PayloadsOf(batch), std::vector<std::string>(batch.messages(), payload));
}

TEST(RouteBatch, KeepsTimesOfExpiryBesideMessagesWithoutOne) {
  RouteBatch batch({}, {.topic = "t", .payload = AsBytes("a")});
  ASSERT_TRUE(batch.TryAdd({}, {.topic = "t", .payload = AsBytes("b"), .expires_at = 0}));
  ASSERT_TRUE(batch.TryAdd({}, {.topic = "t", .payload = AsBytes("c")}));
  ASSERT_TRUE(batch.TryAdd({}, {.topic = "t", .payload = AsBytes("d"), .expires_at = kNever - 1}));
  std::vector<MonoNs> expire_at;
  batch.Each([&](const MessageFields& fields) { expire_at.push_back(fields.expires_at); });
  EXPECT_EQ(expire_at, (std::vector<MonoNs>{kNever, 0, kNever, kNever - 1}));
  EXPECT_EQ(PayloadsOf(batch), (std::vector<std::string>{"a", "b", "c", "d"}));
}

TEST(RouteBatch, TakesNothingThatAnotherCoreHasNumbered) {
  const MessageId id = {
      .node = NodeId{1}, .core = CoreId{2}, .incarnation = Incarnation{3}, .number = 4};
  RouteBatch batch({}, {.topic = "t", .id = id});
  const auto takes_with = [&](auto change) {
    MessageId other = id;
    change(other);
    return batch.TryAdd({}, {.topic = "t", .id = other});
  };
  EXPECT_FALSE(takes_with([](MessageId& other) { other.node = NodeId{2}; }));
  EXPECT_FALSE(takes_with([](MessageId& other) { other.core = CoreId{3}; }));
  EXPECT_FALSE(takes_with([](MessageId& other) { other.incarnation = Incarnation{4}; }));
  ASSERT_TRUE(takes_with([](MessageId& other) { other.number = 1'000'000'000'000; }));
  std::vector<MessageId> ids;
  batch.Each([&](const MessageFields& fields) { ids.push_back(fields.id); });
  MessageId second = id;
  second.number = 1'000'000'000'000;
  EXPECT_EQ(ids, (std::vector<MessageId>{id, second}));
}

// What is sent back serves the batches to come (where BlockCache keeps anything).
TEST(RouteBatch, EmptiedOnesAreMemoryOfTheCoreThatTheyReturnTo) {
  constexpr std::size_t kBytes = EmptiedBatches::kBatchesMax * RouteBatch::kBlockBytes;
  std::thread home([&] {
    std::vector<RouteBatch> batches;
    for (std::uint32_t i = 0; i < EmptiedBatches::kBatchesMax; ++i)
      batches.emplace_back(RouteTerms{}, WithPayload("p"));
    EmptiedBatches emptied;
    std::thread reader([&] {
      for (RouteBatch& batch : batches) {
        EXPECT_FALSE(emptied.is_full());
        emptied.Add(std::move(batch));
      }
      EXPECT_EQ(BlockCache::Local().kept_bytes(), 0u);
    });
    reader.join();
    EXPECT_TRUE(emptied.is_full());
    EXPECT_EQ(BlockCache::Local().kept_bytes(), 0u);
    { const EmptiedBatches back = std::move(emptied); }
    EXPECT_EQ(BlockCache::Local().kept_bytes(), BlockCache::kKeeps ? kBytes : 0);
  });
  home.join();
}

TEST(RouteBatch, TakesNothingOnOtherTerms) {
  const RouteTerms terms = {.read_at = 1,
                            .origin = {.epoch = 2, .stream = CoreId{3}, .number = 4},
                            .epoch = 2,
                            .crosses = true,
                            .steps_alone = true};
  RouteBatch batch(terms, WithPayload("first"));
  const auto takes_with = [&](auto change) {
    RouteTerms other = terms;
    change(other);
    return batch.TryAdd(other, WithPayload("other"));
  };
  EXPECT_FALSE(takes_with([](RouteTerms& other) { other.read_at = 0; }));
  EXPECT_FALSE(takes_with([](RouteTerms& other) { other.origin.epoch = 0; }));
  EXPECT_FALSE(takes_with([](RouteTerms& other) { other.origin.stream = CoreId{0}; }));
  EXPECT_FALSE(takes_with([](RouteTerms& other) { other.origin = {}; }));
  EXPECT_FALSE(takes_with([](RouteTerms& other) { other.unasked = true; }));
  EXPECT_FALSE(takes_with([](RouteTerms& other) { other.crosses = false; }));
  EXPECT_FALSE(takes_with([](RouteTerms& other) { other.steps_alone = false; }));
  EXPECT_FALSE(takes_with([](RouteTerms& other) { other.epoch = 0; }));
  EXPECT_EQ(PayloadsOf(batch), std::vector<std::string>{"first"});
}

TEST(RouteBatch, CountsTheMessagesOfTheLastRecordOfTheOtherNode) {
  const auto of_record = [](std::uint64_t number) {
    return RouteTerms{.origin = {.epoch = 1, .stream = CoreId{1}, .number = number}};
  };
  RouteBatch batch(of_record(7), WithPayload("a"));
  EXPECT_EQ(batch.parts(), 1u);
  ASSERT_TRUE(batch.TryAdd(of_record(7), WithPayload("b")));
  EXPECT_EQ(batch.parts(), 2u);
  ASSERT_TRUE(batch.TryAdd(of_record(9), WithPayload("c")));
  EXPECT_EQ(batch.terms().origin.number, 9u);
  EXPECT_EQ(batch.parts(), 1u);
}

}  // namespace
}  // namespace tandem::broker
