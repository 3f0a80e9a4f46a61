#include "engine/broker/retained_store.h"

#include <algorithm>
#include <utility>

#include "engine/base/limits.h"
#include "engine/base/strings.h"
#include "engine/broker/system_topics.h"
#include "proto/mqtt/topic.h"

namespace tandem::broker {
namespace {

bool IsNewer(const Message& a, const Message& b) noexcept {
  if (a.hlc() != b.hlc()) return a.hlc() > b.hlc();
  // The cores of a node issue times of their own, which may be equal: any order will do, as long as
  // both nodes see the same one.
  return a.id() > b.id();
}

// The part of the filter before its first wildcard, up to and with the slash: every match starts
// so.
std::string_view LiteralPrefix(std::string_view filter) noexcept {
  const std::size_t wildcard = filter.find_first_of("+#");
  if (wildcard == std::string_view::npos) return filter;
  return filter.substr(0, wildcard);
}

bool StartsWith(std::string_view text, std::string_view prefix) noexcept {
  return text.substr(0, prefix.size()) == prefix;
}

}  // namespace

RetainedStore::SetResult RetainedStore::Set(MessagePtr message, MonoNs now) {
  const bool deletes = message->payload().empty();
  auto it = topics_.find(ToAbsl(message->topic()));
  if (it != topics_.end()) {
    if (!IsNewer(*message, *it->second.message)) return SetResult::kOlder;
    Count(*it->second.message, -1);
  } else {
    it = topics_.emplace(std::string(message->topic()), Value{}).first;
  }
  Count(*message, 1);
  it->second = Value{Compacted(std::move(message)), now};
  if (deletes) RememberDeletion(it->second.message->topic());
  return deletes ? SetResult::kDeleted : SetResult::kStored;
}

void RetainedStore::Count(const Message& message, std::int64_t sign) noexcept {
  if (message.payload().empty() || IsSystemTopic(message.topic())) return;
  messages_ += static_cast<std::size_t>(sign);
  bytes_ += static_cast<std::size_t>(sign) * message.payload().size();
  if (budget_ != nullptr) budget_->Changed(sign, sign * static_cast<std::int64_t>(message.bytes()));
}

// A flood of deletions must not take more memory than one of messages could.
void RetainedStore::RememberDeletion(std::string_view topic) {
  deletions_.emplace_back(topic);
  deletion_bytes_ += topic.size();
  while (deletions_.size() > kRetainedDeletionsMax || deletion_bytes_ > kRetainedDeletionBytesMax) {
    const auto it = topics_.find(deletions_.front());
    deletion_bytes_ -= deletions_.front().size();
    deletions_.pop_front();
    if (it == topics_.end() || !it->second.message->payload().empty()) continue;
    topics_.erase(it);
    ++deletions_forgotten_;
  }
}

bool RetainedStore::HasRoomFor(std::string_view topic, std::size_t bytes, MonoNs now) const {
  if (budget_ == nullptr) return true;
  const MessagePtr present = Get(topic, now);
  const auto more = static_cast<std::int64_t>(bytes);
  return present ? budget_->HasRoom(0, more - static_cast<std::int64_t>(present->bytes()))
                 : budget_->HasRoom(1, more);
}

std::optional<RetainedRoom> RetainedStore::Reserve(std::string_view topic, std::size_t bytes,
                                                   MonoNs now) {
  if (budget_ == nullptr) return RetainedRoom();
  const MessagePtr present = Get(topic, now);
  RetainedRoom room{.messages = 1, .bytes = static_cast<std::int64_t>(bytes)};
  if (present) {
    room = {.messages = 0,
            .bytes = std::max<std::int64_t>(
                room.bytes - static_cast<std::int64_t>(present->bytes()), 0)};
  }
  if (!budget_->Reserve(room)) return std::nullopt;
  return room;
}

const RetainedStore::Value* RetainedStore::Peek(std::string_view topic) const {
  const auto it = topics_.find(ToAbsl(topic));
  return it == topics_.end() ? nullptr : &it->second;
}

MessagePtr RetainedStore::Get(std::string_view topic, MonoNs now) const {
  const auto it = topics_.find(ToAbsl(topic));
  if (it == topics_.end() || !IsLive(it->second, now)) return MessagePtr();
  return it->second.message;
}

RetainedStore::Page RetainedStore::Find(std::string_view filter, std::string_view after, MonoNs now,
                                        std::size_t visits_max, std::size_t messages_max,
                                        std::size_t bytes_max) const {
  Page page;
  if (!mqtt::HasWildcard(filter)) {
    if (MessagePtr message = Get(filter, now); message && after.empty())
      page.messages.push_back(std::move(message));
    page.done = true;
    return page;
  }
  std::string_view prefix = LiteralPrefix(filter);
  // "a/#" also matches "a" itself (4.7.1.2), which sorts before "a/".
  if (filter.ends_with("/#") && prefix.size() + 1 == filter.size()) prefix.remove_suffix(1);
  auto it =
      after.empty() ? topics_.lower_bound(ToAbsl(prefix)) : topics_.upper_bound(ToAbsl(after));
  std::size_t bytes = 0;
  for (std::size_t visits = 0; it != topics_.end() && StartsWith(it->first, prefix); ++it) {
    if (visits++ >= visits_max || page.messages.size() >= messages_max || bytes >= bytes_max)
      return page;
    page.last = it->first;
    if (!IsLive(it->second, now) || !mqtt::Matches(filter, it->first)) continue;
    bytes += it->second.message->bytes();
    page.messages.push_back(it->second.message);
  }
  page.done = true;
  return page;
}

RetainedStore::Page RetainedStore::Walk(std::string_view after, std::size_t messages_max,
                                        std::size_t bytes_max) const {
  Page page;
  auto it = after.empty() ? topics_.begin() : topics_.upper_bound(ToAbsl(after));
  for (std::size_t bytes = 0; it != topics_.end(); ++it) {
    if (IsSystemTopic(it->first)) continue;
    if (page.messages.size() >= messages_max || bytes >= bytes_max) return page;
    page.last = it->first;
    bytes += it->second.message->bytes();
    page.messages.push_back(it->second.message);
  }
  page.done = true;
  return page;
}

void RetainedStore::Sweep(MonoNs now, MonoNs tombstone_age_ns, std::size_t visits_max) {
  auto it = topics_.upper_bound(swept_);
  for (std::size_t visits = 0; visits < visits_max; ++visits) {
    if (it == topics_.end()) {
      swept_.clear();
      return;
    }
    swept_ = it->first;
    const Value& value = it->second;
    const bool tombstone = value.message->payload().empty();
    const bool over =
        tombstone ? now - value.written_at > tombstone_age_ns : value.message->expires_at() <= now;
    if (over) {
      Count(*value.message, -1);
      it = topics_.erase(it);
    } else {
      ++it;
    }
  }
}

}  // namespace tandem::broker
