#include "engine/broker/route_batch.h"

#include <gtest/gtest.h>

#include <string>
#include <type_traits>
#include <vector>

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
