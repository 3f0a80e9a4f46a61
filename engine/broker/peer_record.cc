#include "engine/broker/peer_record.h"

namespace tandem::broker {
namespace {

constexpr std::size_t kRecordOverheadBytes = 32;

std::size_t Size(const MessagePtr& message) noexcept { return message ? message->bytes() : 0; }
std::size_t Size(const std::optional<Will>& will) noexcept {
  return will ? will->topic.size() + will->payload.size() + will->properties.size() : 0;
}

std::size_t Size(const SharedTarget& group) noexcept {
  return group.filter.size() + group.share_name.size();
}

std::size_t Size(const BlockVector<QueuePlace>& places) noexcept {
  std::size_t bytes = 0;
  for (const QueuePlace& place : places) {
    bytes += kRecordOverheadBytes + place.client_id.size() +
             place.subscription_ids.size() * sizeof(std::uint32_t) +
             (place.group ? Size(*place.group) : 0);
  }
  return bytes;
}

struct TextBytes {
  std::size_t operator()(const PublishRecord& r) const noexcept {
    std::size_t bytes = Size(r.message) + Size(r.places);
    for (const SharedTarget& group : r.groups) bytes += Size(group);
    for (const SharedTarget& group : r.spares) bytes += Size(group);
    return bytes;
  }
  std::size_t operator()(const RetainedRecord& r) const noexcept { return Size(r.message); }
  std::size_t operator()(const InterestRecord& r) const noexcept { return r.filter.size(); }
  std::size_t operator()(const GroupInterestRecord& r) const noexcept {
    return r.filter.size() + r.share_name.size();
  }
  std::size_t operator()(const ClaimRecord& r) const noexcept {
    return r.client_id.size() + Size(r.will);
  }
  std::size_t operator()(const SessionRecord& r) const noexcept {
    return r.client_id.size() + Size(r.will);
  }
  std::size_t operator()(const SessionSubscriptionRecord& r) const noexcept {
    return r.client_id.size() + r.filter.size();
  }
  std::size_t operator()(const SessionMessageRecord& r) const noexcept {
    return r.client_id.size() + Size(r.message) + r.subscription_ids.size() * sizeof(std::uint32_t);
  }
  std::size_t operator()(const SessionOrderRecord& r) const noexcept { return Size(r.places); }
  std::size_t operator()(const SessionProgressRecord& r) const noexcept {
    return r.client_id.size() + r.done.size() * sizeof(SessionProgressRecord::Range);
  }
  std::size_t operator()(const MirroredRecord&) const noexcept { return 0; }
  std::size_t operator()(const LentDoneRecord& r) const noexcept { return Size(r.group); }
  std::size_t operator()(const BrakeRecord&) const noexcept { return 0; }
  std::size_t operator()(const ApartRecord&) const noexcept { return 0; }
  std::size_t operator()(const SnapshotEndRecord&) const noexcept { return 0; }
  template <class Record>
  std::size_t operator()(const Record& r) const noexcept {
    return r.client_id.size();
  }
};

}  // namespace

std::size_t BacklogBytes(const PeerRecord& record) noexcept {
  return kRecordOverheadBytes + std::visit(TextBytes{}, record);
}

}  // namespace tandem::broker
