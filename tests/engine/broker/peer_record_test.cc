#include "engine/broker/peer_record.h"

#include <gtest/gtest.h>

namespace tandem::broker {
namespace {

MessagePtr MessageOf(std::size_t payload_bytes) {
  const std::vector<std::uint8_t> payload(payload_bytes, 'x');
  return Message::Create({.topic = "1234", .payload = payload});
}

TEST(PeerRecord, CountsTheBytesOfItsMessage) {
  const std::size_t empty = BacklogBytes(PublishRecord{.message = MessageOf(0)});
  EXPECT_EQ(BacklogBytes(PublishRecord{.message = MessageOf(1000)}), empty + 1000);
  EXPECT_EQ(BacklogBytes(RetainedRecord{.message = MessageOf(1000)}), empty + 1000);
  EXPECT_EQ(BacklogBytes(SessionMessageRecord{.message = MessageOf(1000)}), empty + 1000);
}

TEST(PeerRecord, CountsItsTexts) {
  const std::size_t none = BacklogBytes(SnapshotEndRecord{});
  EXPECT_GT(none, 0u) << "a record without any text takes room too";
  EXPECT_EQ(BacklogBytes(InterestRecord{.filter = "12345"}), none + 5);
  EXPECT_EQ(BacklogBytes(GroupInterestRecord{.filter = "12345", .share_name = "123"}), none + 8);
  EXPECT_EQ(BacklogBytes(ClaimRecord{.client_id = "12345"}), none + 5);
  EXPECT_EQ(BacklogBytes(ClaimReplyRecord{.client_id = "12345"}), none + 5);
  EXPECT_EQ(BacklogBytes(SessionRecord{.client_id = "12345"}), none + 5);
  EXPECT_EQ(BacklogBytes(SessionSubscriptionRecord{.client_id = "12345", .filter = "123"}),
            none + 8);
  EXPECT_EQ(BacklogBytes(SessionReceivedIdRecord{.client_id = "12345"}), none + 5);
  PublishRecord to_group{.message = MessageOf(0)};
  to_group.groups.push_back({.filter = "12345", .share_name = "123"});
  EXPECT_EQ(BacklogBytes(to_group), none + 4 + 8);
}

TEST(PeerRecord, MayCarryNoMessageWhenOnlyTheIdIsLeft) {
  EXPECT_EQ(BacklogBytes(SessionMessageRecord{.client_id = "12345"}),
            BacklogBytes(SnapshotEndRecord{}) + 5);
}

}  // namespace
}  // namespace tandem::broker
