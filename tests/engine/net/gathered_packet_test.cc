#include "engine/net/gathered_packet.h"

#include <gtest/gtest.h>

#include <cstring>
#include <utility>

namespace tandem::net {
namespace {

TEST(GatheredPacket, IsTheBytesWhereTheyAre) {
  ByteBuffer bytes;
  std::memset(bytes.Extend(20'000), 7, 20'000);
  const std::uint8_t* const place = bytes.data();
  broker::MessagePtr message;
  {
    const auto packet = GatheredPacket::Hold(std::move(bytes));
    EXPECT_EQ(packet->bytes().data(), place);
    EXPECT_EQ(packet->bytes().size(), 20'000u);
    EXPECT_GE(packet->size(), 20'000u);
    message = broker::Message::Create(
        {.topic = "", .payload = packet->bytes().subspan(5), .block = packet.get()});
  }
  EXPECT_EQ(message->payload().data(), place + 5);
  EXPECT_EQ(message->payload().back(), 7);  // held by the message alone
}

}  // namespace
}  // namespace tandem::net
