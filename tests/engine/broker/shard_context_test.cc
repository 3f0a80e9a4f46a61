#include "engine/broker/shard_context.h"

#include <gtest/gtest.h>

#include "tests/engine/broker/shard_parts.h"

namespace tandem::broker {
namespace {

TEST(ShardContext, PacksTheKindOfATimerAboveItsObject) {
  EXPECT_EQ(TimerCookie(TimerKind::kWill, 5) >> 56, static_cast<std::uint64_t>(TimerKind::kWill));
  EXPECT_EQ(TimerCookie(TimerKind::kWill, 5) & 0xFF, 5u);
  EXPECT_NE(TimerCookie(TimerKind::kWill, 5), TimerCookie(TimerKind::kSessionExpiry, 5));
}

TEST(ShardContext, HandsTheEndOfTheOutboxToAClient) {
  ShardParts parts;
  Client client;
  client.id = ConnectionId{9};
  parts.context.outbox.bytes.Append(AsBytes("before"));
  const std::size_t offset = parts.context.outbox.bytes.size();
  parts.context.outbox.bytes.Append(AsBytes("packet"));
  SendBytes(parts.context, client, offset);
  ASSERT_EQ(parts.context.outbox.connections.size(), 1u);
  const ConnectionEffect& effect = parts.context.outbox.connections[0];
  EXPECT_EQ(effect.kind, ConnectionEffect::Kind::kSend);
  EXPECT_EQ(effect.connection, client.id);
  const SendEffect& send = parts.context.outbox.sends[effect.send];
  EXPECT_EQ(AsText(parts.context.outbox.bytes.bytes(send.offset, send.size)), "packet");
  EXPECT_EQ(client.unsent_bytes, 6u);
}

TEST(ShardContext, IssuesTimesThatRise) {
  ShardParts parts;
  parts.context.now.wall_ms = 100;
  const Hlc first = parts.context.IssueTime();
  EXPECT_LT(first, parts.context.IssueTime());
}

}  // namespace
}  // namespace tandem::broker
