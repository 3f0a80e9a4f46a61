#include "engine/base/hash.h"

namespace tandem {
namespace {

// The finalizer of MurmurHash3 (public domain): every input bit reaches every output bit.
std::uint64_t Mix(std::uint64_t h) noexcept {
  h ^= h >> 33;
  h *= 0xff51afd7ed558ccdULL;
  h ^= h >> 33;
  h *= 0xc4ceb9fe1a85ec53ULL;
  h ^= h >> 33;
  return h;
}

}  // namespace

std::uint64_t StableHash(Bytes bytes) noexcept {
  // FNV-1a over the bytes, then mixed: short keys, no alignment or byte order to care for.
  std::uint64_t h = 0xcbf29ce484222325ULL;
  for (const std::uint8_t byte : bytes) {
    h ^= byte;
    h *= 0x100000001b3ULL;
  }
  return Mix(h);
}

std::uint64_t StableHash(std::initializer_list<std::uint64_t> numbers) noexcept {
  std::uint64_t h = numbers.size();
  for (const std::uint64_t number : numbers) h = Mix(h * 3 + number);
  return h;
}

}  // namespace tandem
