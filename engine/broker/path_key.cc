#include "engine/broker/path_key.h"

#include <sys/auxv.h>

#include <cstring>

#include "absl/hash/hash.h"

namespace tandem::broker::internal {
namespace {

// From the 16 random bytes that the kernel gives every process, which nobody learns through the
// hash.
PathSecrets DrawSecrets() noexcept {
  std::uint64_t random[2] = {};
  if (const auto* bytes = reinterpret_cast<const void*>(getauxval(AT_RANDOM)); bytes != nullptr) {
    std::memcpy(random, bytes, sizeof random);
  }
  // Odd, so that no factor is 0 or loses low bits.
  return {.literal = absl::HashOf(random[0], random[1], 1) | 1,
          .plus = absl::HashOf(random[0], random[1], 2) | 1};
}

}  // namespace

const PathSecrets kPathSecrets = DrawSecrets();

}  // namespace tandem::broker::internal
