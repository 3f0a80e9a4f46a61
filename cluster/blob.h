// The bytes of a batch of records: small parts copied into one run of memory, large payloads
// referenced where they are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "cluster/send_queue.h"
#include "engine/base/byte_buffer.h"
#include "engine/base/bytes.h"
#include "engine/broker/message.h"

namespace tandem::cluster {

// Filled record by record, then turned into fragments once. Memory that is referenced is pinned by
// its message.
class Blob {
 public:
  // Below this, copying a payload is cheaper than one more fragment (link_benchmark: at 1,024 bytes
  // by a sixth, at 2,048 they are about even, at 4,096 it costs a tenth more).
  static constexpr std::size_t kGatherFrom = 2048;

  // About so many bytes will be copied.
  void Reserve(std::size_t bytes) { copied_.Reserve(bytes); }
  void Copy(Bytes bytes);
  void CopyU32(std::uint32_t value);  // little-endian, as the next
  void CopyU64(std::uint64_t value);
  // `bytes` lie in `owner`.
  void Gather(Bytes bytes, const broker::MessagePtr& owner);

  std::size_t size() const noexcept { return copied_.size() + gathered_bytes_; }
  // The whole blob if nothing is gathered.
  Bytes copied() const noexcept { return copied_.bytes(); }
  std::size_t copied_bytes() const noexcept { return copied_.size(); }
  std::size_t gathered_bytes() const noexcept { return gathered_bytes_; }

  // Appends the blob to `out`, in order. The fragments are good while this object lives and is not
  // changed.
  void AppendTo(std::vector<reactor::Fragment>& out) const;

 private:
  // A payload that stands between copied_[.. copied_before) and what follows.
  struct Gathered {
    std::size_t copied_before;
    Bytes bytes;
    broker::MessagePtr owner;
  };

  ByteBuffer copied_;
  std::vector<Gathered> gathered_;
  std::size_t gathered_bytes_ = 0;
};

}  // namespace tandem::cluster
