// A list that is scanned in one piece and searched by key.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace tandem::broker {

// Elements stand contiguously, in no particular order: removing one moves the last into its place.
// A short list is searched from the front, which is faster than hashing and costs no memory; a long
// one keeps an index, so that adding, finding and removing are O(1) whatever the length. An
// element's key does not change, and no two are equal.
//
// `Traits` gives Key, Hash, Equal and `static Key KeyOf(const T&)`. A Key that is a view stays
// valid while its element is in the list.
template <class T, class Traits>
class IndexedList {
 public:
  using Key = typename Traits::Key;
  using Position = std::uint32_t;

  std::span<const T> items() const noexcept { return items_; }
  std::size_t size() const noexcept { return items_.size(); }
  bool empty() const noexcept { return items_.empty(); }
  T& operator[](Position position) noexcept { return items_[position]; }
  const T& operator[](Position position) const noexcept { return items_[position]; }

  std::optional<Position> Find(const Key& key) const {
    if (index_ != nullptr) {
      const auto found = index_->find(key);
      if (found == index_->end()) return std::nullopt;
      return found->second;
    }
    for (Position i = 0; i < items_.size(); ++i) {
      if (typename Traits::Equal{}(Traits::KeyOf(items_[i]), key)) return i;
    }
    return std::nullopt;
  }

  // Puts `item`, whose key is not in the list, at its end.
  Position Add(T item) {
    const auto position = static_cast<Position>(items_.size());
    items_.push_back(std::move(item));
    if (index_ != nullptr) {
      index_->emplace(Traits::KeyOf(items_[position]), position);
    } else if (items_.size() > kIndexFrom) {
      BuildIndex();
    }
    return position;
  }

  void Remove(Position position) {
    const auto last = static_cast<Position>(items_.size() - 1);
    Swap(position, last);
    if (index_ != nullptr) index_->erase(Traits::KeyOf(items_[last]));
    items_.pop_back();
    if (items_.size() < kIndexUntil) index_.reset();
    if (items_.capacity() > kCapacityKept && items_.size() * 4 < items_.capacity()) Shrink();
  }

  void Swap(Position a, Position b) noexcept {
    if (a == b) return;
    std::swap(items_[a], items_[b]);
    if (index_ == nullptr) return;
    (*index_)[Traits::KeyOf(items_[a])] = a;
    (*index_)[Traits::KeyOf(items_[b])] = b;
  }

  // What the list itself has taken from the heap; without what its items own.
  std::size_t heap_bytes() const noexcept {
    std::size_t bytes = items_.capacity() * sizeof(T);
    if (index_ != nullptr)
      bytes += sizeof(Index) + index_->capacity() * (sizeof(typename Index::value_type) + 1);
    return bytes;
  }

 private:
  using Index = absl::flat_hash_map<Key, Position, typename Traits::Hash, typename Traits::Equal>;

  // Far enough apart that a list which breathes does not build its index again and again.
  static constexpr std::size_t kIndexFrom = 64;
  static constexpr std::size_t kIndexUntil = 16;
  static constexpr std::size_t kCapacityKept = 16;

  void BuildIndex() {
    index_ = std::make_unique<Index>();
    index_->reserve(items_.size() * 2);
    for (Position i = 0; i < items_.size(); ++i) index_->emplace(Traits::KeyOf(items_[i]), i);
  }

  // To twice its size, so that neither the next Add nor the next Remove moves everything again.
  void Shrink() {
    std::vector<T> smaller;
    smaller.reserve(items_.size() * 2);
    for (T& item : items_) smaller.push_back(std::move(item));
    items_ = std::move(smaller);
    if (index_ != nullptr) BuildIndex();
  }

  std::vector<T> items_;
  std::unique_ptr<Index> index_;
};

}  // namespace tandem::broker
