#include "engine/broker/match_cache.h"

#include "absl/hash/hash.h"
#include "engine/base/strings.h"

namespace tandem::broker {

MatchCache::Result MatchCache::Match(std::string_view topic) {
  if (last_->topic == topic && last_->shape == trie_.shape()) return {.entries = last_->entries};
  const std::uint64_t hash = absl::HashOf(ToAbsl(topic));
  Slot& slot = slots_[hash % kSlots];
  if (slot.hash == hash && slot.shape == trie_.shape() && slot.topic == topic) {
    last_ = &slot;
    return {.entries = slot.entries};
  }
  const Result result = Walk(topic);
  if (slot.candidate != hash) {
    slot.candidate = hash;
  } else if (result.whole && topic.size() <= kTopicBytesMax && found_.size() <= kEntriesMax) {
    Keep(slot, hash, topic);
  }
  return result;
}

MatchCache::Result MatchCache::Walk(std::string_view topic) {
  found_.clear();
  const bool whole = trie_.Match(
      topic, [this](const FilterEntry& entry) { found_.push_back(&entry); }, visits_max_);
  return {.entries = found_, .whole = whole};
}

void MatchCache::Keep(Slot& slot, std::uint64_t hash, std::string_view topic) {
  const auto heap_bytes = [&slot] {
    return slot.topic.capacity() + slot.entries.capacity() * sizeof(slot.entries[0]);
  };
  heap_bytes_ -= heap_bytes();
  slot.hash = hash;
  slot.shape = trie_.shape();
  slot.topic = topic;
  slot.entries = found_;
  heap_bytes_ += heap_bytes();
}

}  // namespace tandem::broker
