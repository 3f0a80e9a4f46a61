#include "engine/broker/trie_node.h"

#include <bit>
#include <cstring>

namespace tandem::broker {
namespace {

// A long name on the heap: its length in 4 bytes, then its text.
constexpr std::size_t kLengthBytes = sizeof(std::uint32_t);

char* HeapName(std::uint64_t head) noexcept { return std::bit_cast<char*>(head); }

}  // namespace

static_assert(sizeof(char*) == sizeof(std::uint64_t));
static_assert(std::endian::native == std::endian::little,
              "CopyName reads the text out of head and tail");

TrieNode::~TrieNode() {
  if (is_long()) delete[] HeapName(head_);
}

void TrieNode::SetName(const Level& level) {
  if (level.is_long()) {
    char* name = new char[kLengthBytes + level.size];
    std::memcpy(name, &level.size, kLengthBytes);
    std::memcpy(name + kLengthBytes, level.data, level.size);
    head_ = std::bit_cast<std::uint64_t>(name);
  } else {
    head_ = level.head;
  }
  tail_ = level.tail;
}

void TrieNode::CopyName(std::string& out) const {
  if (is_long()) {
    out = LongName();
  } else {
    char text[kShortLevelBytesMax + 1];
    std::memcpy(text, &head_, 8);
    std::memcpy(text + 8, &tail_, 4);
    out.assign(text, tail_ >> 24);
  }
}

std::string_view TrieNode::LongName() const noexcept {
  const char* name = HeapName(head_);
  std::uint32_t size;
  std::memcpy(&size, name, kLengthBytes);
  return {name + kLengthBytes, size};
}

std::size_t TrieNode::heap_bytes() const noexcept {
  return is_long() ? kLengthBytes + LongName().size() : 0;
}

}  // namespace tandem::broker
