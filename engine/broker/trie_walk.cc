// SubscriptionTrie::Match: from a topic to the entries of the filters that match it.
#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "engine/broker/subscription_trie.h"

namespace tandem::broker {

// The walk of one match, depth first. At each node of depth d it follows the literal child for
// level d and puts the '+' child aside, so that at most one node per depth waits. No node can be
// reached twice: the trie is a tree.
//
// Entries are handed out in batches: while the walk goes on, their cache lines are on the way.
class SubscriptionTrie::Walker {
 public:
  Walker(const SubscriptionTrie& trie, std::string_view topic, Batch visit)
      : trie_(trie),
        visit_(visit),
        wildcards_at_root_(!topic.starts_with('$')),
        fetch_ahead_(trie.edges_.size() >= kFetchAheadFrom),
        depth_end_(SplitLevels(topic, levels_.data())) {}

  bool Run(std::size_t visits_max) {
    if (fetch_ahead_) FetchLiteralPath();
    bool complete = true;
    Push(trie_.root_, 0, kRootKey);
    for (std::size_t visits = 0; waiting_ > 0; ++visits) {
      if (visits == visits_max) {
        complete = false;
        break;
      }
      Step(stack_[--waiting_]);
    }
    Flush();
    return complete;
  }

 private:
  struct Stop {
    NodeId node;
    std::uint32_t depth;
    PathKey key;
  };

  // From this many edges on the trie is beyond the caches, and fetching ahead pays for itself.
  static constexpr std::size_t kFetchAheadFrom = 8'192;
  static constexpr std::size_t kBatch = 32;

  // Inlined by force: out of line the walk takes twice as long (measured, g++ 12 -O2).
  [[gnu::always_inline]] void Step(const Stop at) {
    const TrieNode& node = trie_.store_[at.node];
    const bool wildcards = at.depth > 0 || wildcards_at_root_;  // [MQTT-4.7.2-1]
    if (wildcards) Emit(node.multi_entry);  // '#' matches the parent level too (4.7.1.2)
    if (at.depth == depth_end_) {
      Emit(node.entry);
      return;
    }
    if (wildcards && node.plus_child != kNoNode) {
      const PathKey key = ExtendPlus(at.key);
      if (fetch_ahead_) FetchChild(node.plus_child, at.depth + 1, key);
      Push(node.plus_child, at.depth + 1, key);
    }
    if (node.literal_children > 0) {
      const Level& level = levels_[at.depth];
      const PathKey key = Extend(at.key, level);
      const NodeId child = trie_.FindChild(at.node, level, key);
      if (child != kNoNode) Push(child, at.depth + 1, key);
    }
  }

  void Push(NodeId node, std::uint32_t depth, PathKey key) {
    stack_[waiting_++] = {node, depth, key};
  }

  void Emit(EntryId id) {
    if (id == kNoEntry) return;
    const FilterEntry* entry = &trie_.store_[id];
    __builtin_prefetch(entry);
    if (emitted_ == kBatch) Flush();
    batch_[emitted_++] = entry;
  }

  void Flush() {
    if (emitted_ > 0) visit_({batch_.data(), emitted_});
    emitted_ = 0;
  }

  // A node that is put aside, and the slot of its own literal child.
  void FetchChild(NodeId id, std::size_t depth, PathKey key) {
    __builtin_prefetch(&trie_.store_[id]);
    if (depth < depth_end_) trie_.edges_.Prefetch(Extend(key, levels_[depth]));
  }

  // The path without wildcards is known from the topic alone: fetches all its slots at once, then
  // all its nodes, instead of waiting for memory twice per level.
  [[gnu::noinline]] void FetchLiteralPath() {
    PathKey key = kRootKey;
    std::array<PathKey, kTopicLevelsMax> keys;
    for (std::size_t depth = 0; depth < depth_end_; ++depth) {
      keys[depth] = key = Extend(key, levels_[depth]);
      trie_.edges_.Prefetch(key);
    }
    for (std::size_t depth = 0; depth < depth_end_; ++depth) {
      trie_.edges_.Find(keys[depth], [this](NodeId child) {
        __builtin_prefetch(&trie_.store_[child]);
        return true;
      });
    }
  }

  const SubscriptionTrie& trie_;
  const Batch visit_;
  const bool wildcards_at_root_;
  const bool fetch_ahead_;
  // Not initialized: only what the topic needs is written.
  std::array<Level, kTopicLevelsMax> levels_;
  const std::size_t depth_end_;
  std::array<Stop, kTopicLevelsMax + 1> stack_;
  std::size_t waiting_ = 0;
  std::array<const FilterEntry*, kBatch> batch_;
  std::size_t emitted_ = 0;
};

bool SubscriptionTrie::Walk(std::string_view topic, std::size_t visits_max, Batch visit) const {
  Walker walker(*this, topic, visit);
  return walker.Run(visits_max);
}

}  // namespace tandem::broker
