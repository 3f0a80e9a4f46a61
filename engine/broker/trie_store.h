// Where the nodes and entries of one trie live.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

#include "engine/broker/arena.h"
#include "engine/broker/filter_entry.h"
#include "engine/broker/slab.h"
#include "engine/broker/trie_node.h"

namespace tandem::broker {

// A node and an entry are a cell of 32 bytes each, and an id is the index of its cell in one range
// of addresses. The node at which a filter ends is made together with the cell beside it, for the
// entry: whoever reads the node has the entry in the same cache line. (A random access to memory is
// what a match among a million filters consists of.) Nodes in the middle of filters, and entries
// that come to them later or are the second of a node, stand alone.
class TrieStore {
 public:
  TrieStore()
      : range_(kCells * kCellBytes),
        pairs_(range_.data(), kSingleNodes / 2),
        single_nodes_(range_.data() + kSingleNodes * kCellBytes, kSingleEntries - kSingleNodes),
        single_entries_(range_.data() + kSingleEntries * kCellBytes, kCells - kSingleEntries) {}

  NodeId NewNode(bool ends_filter) {
    ++nodes_;
    return NodeId{ends_filter ? pairs_.New() * 2 : kSingleNodes + single_nodes_.New()};
  }
  // An entry of `node`, in the cell beside it if that is there and free.
  EntryId NewEntry(NodeId node) {
    ++entries_;
    const EntryId beside{Cell(node) + 1};
    const bool paired = Cell(node) < kSingleNodes;
    if (paired && (*this)[node].entry != beside && (*this)[node].multi_entry != beside) {
      return beside;
    }
    return EntryId{kSingleEntries + single_entries_.New()};
  }
  // Nothing refers to `id` any more, nor to an entry beside it.
  void Delete(NodeId id) {
    --nodes_;
    if (Cell(id) < kSingleNodes) {
      pairs_.Delete(Cell(id) / 2);
    } else {
      single_nodes_.Delete(Cell(id) - kSingleNodes);
    }
  }
  void Delete(EntryId id) {
    --entries_;
    if (Cell(id) < kSingleNodes) {
      pairs_[Cell(id) / 2].ResetEntry();
    } else {
      single_entries_.Delete(Cell(id) - kSingleEntries);
    }
  }

  TrieNode& operator[](NodeId id) noexcept { return *At<TrieNode>(Cell(id)); }
  const TrieNode& operator[](NodeId id) const noexcept { return *At<TrieNode>(Cell(id)); }
  FilterEntry& operator[](EntryId id) noexcept { return *At<FilterEntry>(Cell(id)); }
  const FilterEntry& operator[](EntryId id) const noexcept { return *At<FilterEntry>(Cell(id)); }

  std::size_t nodes() const noexcept { return nodes_; }
  std::size_t entries() const noexcept { return entries_; }
  std::size_t bytes() const noexcept {
    return pairs_.bytes() + single_nodes_.bytes() + single_entries_.bytes();
  }

  // Entries numbered densely, for sets of them as bits.
  static std::uint32_t NumberOf(EntryId id) noexcept {
    return Cell(id) < kSingleNodes ? Cell(id) - 1 : (Cell(id) - kSingleEntries) * 2 + 1;
  }
  static EntryId EntryOf(std::uint32_t number) noexcept {
    return EntryId{number % 2 == 0 ? number + 1 : kSingleEntries + number / 2};
  }

 private:
  struct alignas(64) Pair {
    TrieNode node;
    FilterEntry entry;

    void ResetEntry() {
      entry.~FilterEntry();
      new (&entry) FilterEntry();
    }
  };
  static constexpr std::size_t kCellBytes = 32;
  static_assert(sizeof(TrieNode) == kCellBytes && sizeof(FilterEntry) == kCellBytes &&
                sizeof(Pair) == 2 * kCellBytes);

  // The first cell of each kind; pairs come first. An entry has 29 bits for the id of its node.
  static constexpr std::uint32_t kSingleNodes = 1U << 28;
  static constexpr std::uint32_t kSingleEntries = kSingleNodes + (1U << 27);
  static constexpr std::uint32_t kCells = 1U << 29;

  template <class Id>
  static std::uint32_t Cell(Id id) noexcept {
    return static_cast<std::uint32_t>(id);
  }
  template <class T>
  T* At(std::uint32_t cell) const noexcept {
    return reinterpret_cast<T*>(range_.data() + std::size_t{cell} * kCellBytes);
  }

  AddressRange range_;
  Slab<Pair> pairs_;
  Slab<TrieNode> single_nodes_;
  Slab<FilterEntry> single_entries_;
  std::size_t nodes_ = 0;
  std::size_t entries_ = 0;
};

}  // namespace tandem::broker
