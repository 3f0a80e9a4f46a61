#include "engine/broker/message.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <type_traits>

namespace tandem::broker {
namespace {

static_assert(!std::is_copy_constructible_v<Message>);

int buffers_alive = 0;

// A slab whose bytes stand behind it.
BufferPtr MakeBuffer(std::size_t bytes, std::string_view content) {
  void* const memory = std::malloc(sizeof(Buffer) + bytes);
  ++buffers_alive;
  auto* const buffer = new (memory) Buffer(bytes, [](Buffer* b) noexcept {
    b->~Buffer();
    std::free(b);
    --buffers_alive;
  });
  std::memcpy(static_cast<void*>(buffer + 1), content.data(), content.size());
  return BufferPtr(buffer);
}

std::string_view ContentOf(const BufferPtr& buffer, std::size_t bytes) {
  return {reinterpret_cast<const char*>(buffer.get() + 1), bytes};
}

TEST(Message, CopiesEverythingIntoOneBlock) {
  std::string topic = "a/b";
  std::string properties = "pp";
  std::string payload = "payload";
  const MessagePtr message = Message::Create({.topic = topic,
                                              .properties = AsBytes(properties),
                                              .payload = AsBytes(payload),
                                              .qos = mqtt::QoS::kExactlyOnce,
                                              .retain = true,
                                              .expires_at = 5,
                                              .hlc = 6,
                                              .publisher = 7,
                                              .id = {.number = 8}});
  topic = properties = payload = "";
  EXPECT_EQ(message->topic(), "a/b");
  EXPECT_EQ(AsText(message->properties()), "pp");
  EXPECT_EQ(AsText(message->payload()), "payload");
  EXPECT_EQ(message->qos(), mqtt::QoS::kExactlyOnce);
  EXPECT_TRUE(message->retain());
  EXPECT_EQ(message->expires_at(), 5);
  EXPECT_EQ(message->hlc(), 6u);
  EXPECT_EQ(message->publisher(), 7u);
  EXPECT_EQ(message->id().number, 8u);
  EXPECT_EQ(message->bytes(), 12u);
  EXPECT_EQ(message->bytes_held(), sizeof(Message) + 12);
}

TEST(Message, MayBeEmptyButForItsTopic) {
  const MessagePtr message = Message::Create({.topic = "t"});
  EXPECT_TRUE(message->payload().empty());
  EXPECT_EQ(message->bytes(), 1u);
}

TEST(Message, HoldsTheBlockThatItWasReadIn) {
  {
    MessagePtr message;
    {
      BufferPtr buffer = MakeBuffer(1000, "topicpayload");
      const std::string_view content = ContentOf(buffer, 12);
      message = Message::Create({.topic = content.substr(0, 5),
                                 .payload = AsBytes(content.substr(5)),
                                 .block = buffer.get()});
    }
    EXPECT_EQ(buffers_alive, 1);
    EXPECT_EQ(message->topic(), "topic");
    EXPECT_EQ(AsText(message->payload()), "payload");
    EXPECT_EQ(message->bytes_held(), sizeof(Message) + 1000);
  }
  EXPECT_EQ(buffers_alive, 0);
}

TEST(Message, IsCopiedWhenItHoldsMuchMoreThanItNeeds) {
  BufferPtr buffer = MakeBuffer(100'000, "topic");
  const std::string_view topic = ContentOf(buffer, 5);
  MessagePtr message = Message::Create({.topic = topic, .hlc = 9, .block = buffer.get()});
  buffer = BufferPtr();
  EXPECT_EQ(buffers_alive, 1);
  message = Compacted(std::move(message));
  EXPECT_EQ(buffers_alive, 0);
  EXPECT_EQ(message->topic(), "topic");
  EXPECT_EQ(message->hlc(), 9u);
}

TEST(Message, StaysWhereItIsWhenItHoldsLittleMore) {
  const MessagePtr own = Message::Create({.topic = "t"});
  EXPECT_EQ(Compacted(own), own);
  BufferPtr buffer = MakeBuffer(100, "topic");
  const std::string_view topic = ContentOf(buffer, 5);
  const MessagePtr adopted = Message::Create({.topic = topic, .block = buffer.get()});
  EXPECT_EQ(Compacted(adopted), adopted);
}

TEST(Message, CanBeMarkedAsSharedTogetherWithItsBlock) {
  BufferPtr buffer = MakeBuffer(100, "topic");
  const MessagePtr message =
      Message::Create({.topic = ContentOf(buffer, 5), .block = buffer.get()});
  message->MarkShared();
  const MessagePtr second = message;
  EXPECT_FALSE(message->IsOnlyReference());
  EXPECT_FALSE(buffer->IsOnlyReference());
}

}  // namespace
}  // namespace tandem::broker
