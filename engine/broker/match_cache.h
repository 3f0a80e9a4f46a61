// What topics match that come again and again: most publishers know a few topics only, and a walk
// of the trie costs several times as much as finding the answer of the last one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/limits.h"
#include "engine/broker/filter_entry.h"
#include "engine/broker/subscription_trie.h"

namespace tandem::broker {

// In front of the trie of one core, with the same contracts. One slot per hash of a topic; a topic
// gets it when it comes twice without another new one for that slot in between, so topics that come
// once cost no more than the look. Everything kept is void when the trie changes its shape. Several
// messages on one topic, as a publisher sends them, find its slot without the hash.
class MatchCache {
 public:
  explicit MatchCache(const SubscriptionTrie& trie, std::size_t visits_max = kMatchVisitsMax)
      : trie_(trie), visits_max_(visits_max), slots_(kSlots), last_(slots_.data()) {}
  MatchCache(const MatchCache&) = delete;
  MatchCache& operator=(const MatchCache&) = delete;

  struct Result {
    // As by SubscriptionTrie::Match, good until the next change of the trie or the next call.
    std::span<const FilterEntry* const> entries;
    bool whole = true;
  };
  Result Match(std::string_view topic);

  std::size_t bytes() const noexcept { return slots_.size() * sizeof(Slot) + heap_bytes_; }

 private:
  static constexpr std::size_t kSlots = 1024;
  static constexpr std::size_t kTopicBytesMax = 128;  // longer ones, and those with more matches,
  static constexpr std::size_t kEntriesMax = 64;      // are walked for each time
  struct Slot {
    std::uint64_t hash = 0;
    std::uint64_t candidate = 0;  // the hash of the last topic that was not the kept one
    std::uint64_t shape = 0;      // of the trie when the answer was found
    std::string topic;
    std::vector<const FilterEntry*> entries;
  };
  Result Walk(std::string_view topic);
  void Keep(Slot& slot, std::uint64_t hash, std::string_view topic);

  const SubscriptionTrie& trie_;
  const std::size_t visits_max_;
  std::vector<Slot> slots_;
  const Slot* last_;                       // where the last answer was found
  std::vector<const FilterEntry*> found_;  // by the last walk
  std::size_t heap_bytes_ = 0;
};

}  // namespace tandem::broker
