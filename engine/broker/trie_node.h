// A node of the subscription trie: one level of one or more filters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/broker/level.h"

namespace tandem::broker {

enum class NodeId : std::uint32_t {};
inline constexpr NodeId kNoNode{0};
enum class EntryId : std::uint32_t {};
inline constexpr EntryId kNoEntry{0};

// Two to a cache line. Literal children are found through the EdgeTable; '+' is one of the fields;
// '#' ends a filter, so it has an entry but no node.
struct alignas(32) TrieNode {
  TrieNode() = default;
  TrieNode(const TrieNode&) = delete;
  TrieNode& operator=(const TrieNode&) = delete;
  ~TrieNode();

  NodeId parent = kNoNode;
  NodeId plus_child = kNoNode;
  EntryId entry = kNoEntry;        // of the filter that ends here
  EntryId multi_entry = kNoEntry;  // of the same with "/#" behind it
  std::uint32_t literal_children = 0;

  void SetName(const Level& level);
  void SetPlus() noexcept { tail_ = kPlusMark << 24; }
  bool is_plus() const noexcept { return tail_ >> 24 == kPlusMark; }
  bool Is(const Level& level) const noexcept {
    if (tail_ != level.tail) return false;
    return level.is_long() ? LongName() == level.text() : head_ == level.head;
  }
  void CopyName(std::string& out) const;  // not of a '+' node, which has none
  std::size_t heap_bytes() const noexcept;

  bool empty() const noexcept {
    return literal_children == 0 && plus_child == kNoNode && entry == kNoEntry &&
           multi_entry == kNoEntry;
  }

 private:
  bool is_long() const noexcept { return tail_ >> 24 == kLongMark; }
  std::string_view LongName() const noexcept;

  std::uint32_t tail_ = 0;  // as in Level
  // As in Level; but of a long name the address of its length (4 bytes) and text.
  std::uint64_t head_ = 0;
};
static_assert(sizeof(TrieNode) == 32);

}  // namespace tandem::broker
