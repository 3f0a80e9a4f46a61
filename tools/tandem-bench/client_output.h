// What a client has to say.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "engine/base/byte_buffer.h"
#include "engine/base/bytes.h"
#include "engine/reactor/transport.h"

namespace tandem::bench {

// Bytes of its own, and between them the rest of the payload that all its publishes share, if that
// is too large to copy each time.
class ClientOutput {
 public:
  // From this size on a fragment more costs less than the copy.
  static constexpr std::size_t kSharedBytesMin = 8 * 1024;
  static constexpr std::size_t kSharedMax = (reactor::kFragmentsMax - 1) / 2;
  using Fragments = std::array<reactor::Fragment, reactor::kFragmentsMax>;

  ByteBuffer& own() noexcept { return own_; }
  bool empty() const noexcept { return own_.empty(); }
  // What follows is the shared rest. False if that makes more fragments than can be sent at once.
  bool Share(std::size_t bytes) {
    if (shared_at_.size() == kSharedMax) return false;
    shared_at_.push_back(own_.size());
    shared_bytes_ += bytes;
    return true;
  }
  std::size_t size() const noexcept { return own_.size() + shared_bytes_; }
  void Clear() noexcept {
    own_.Clear();
    shared_at_.clear();
    shared_bytes_ = 0;
  }
  // How many fragments there are; `shared` is the rest.
  std::size_t ToFragments(Bytes shared, Fragments& out) const noexcept {
    std::size_t count = 0;
    std::size_t from = 0;
    for (const std::size_t at : shared_at_) {
      out[count++] = {own_.data() + from, at - from};
      out[count++] = {shared.data(), shared.size()};
      from = at;
    }
    if (from != own_.size()) out[count++] = {own_.data() + from, own_.size() - from};
    return count;
  }

 private:
  ByteBuffer own_;
  std::vector<std::size_t> shared_at_;  // places in own_; each is behind bytes of its own
  std::size_t shared_bytes_ = 0;
};

}  // namespace tandem::bench
