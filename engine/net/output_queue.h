// What one connection is about to send: short things copied into one block, long payloads
// referenced where they are.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "absl/container/inlined_vector.h"
#include "engine/base/block_cache.h"
#include "engine/base/byte_buffer.h"
#include "engine/broker/message.h"
#include "engine/net/buffer_pool.h"
#include "engine/reactor/transport.h"

namespace tandem::net {

// Filled during a turn, handed to the transport in one send at its end. While a send is in flight a
// second batch fills; the memory of the first stays as it is until Sent().
class OutputQueue {
 public:
  // Copies `bytes`; yields the place of the copy, good until the next call, for patching.
  std::uint8_t* Append(Bytes bytes, BufferPool& pool);
  // The payload of `message` follows what was appended so far.
  void AppendPayload(broker::MessagePtr message);

  bool empty() const noexcept { return filling().pieces.empty() && sending().pieces.empty(); }
  bool in_flight() const noexcept { return in_flight_; }
  // Whether there is something that the send in flight does not have.
  bool has_more() const noexcept {
    return !filling().pieces.empty() || first_ + sent_pieces_ != sending().pieces.size();
  }
  // Bytes appended and not yet reported by Sent().
  std::size_t bytes() const noexcept { return filling().bytes + sending().bytes; }

  // The fragments of the next send, written into `fragments`; empty if nothing waits or one is in
  // flight.
  using Fragments = std::array<reactor::Fragment, reactor::kFragmentsMax>;
  std::span<const reactor::Fragment> Next(Fragments& fragments);
  // The send is done. Yields how many bytes it had.
  std::size_t Sent(BufferPool& pool);

 private:
  // A run of bytes of the block, or a payload.
  struct Piece {
    std::size_t offset = 0;
    std::size_t size = 0;
    broker::MessagePtr payload;
  };
  struct Batch {
    ByteBuffer block;
    // Mostly all is in the block: then nothing is allocated.
    absl::InlinedVector<Piece, 1, BlockAllocator<Piece>> pieces;
    std::size_t bytes = 0;
  };
  // The room for more of them goes back when they are sent.
  static constexpr std::size_t kPiecesKept = 4;

  // The two take turns: what fills now is sent next.
  Batch& filling() noexcept { return batches_[filling_]; }
  Batch& sending() noexcept { return batches_[1 - filling_]; }
  const Batch& filling() const noexcept { return batches_[filling_]; }
  const Batch& sending() const noexcept { return batches_[1 - filling_]; }

  std::array<Batch, 2> batches_;
  std::size_t filling_ = 0;
  std::size_t first_ = 0;        // pieces of sending() before this one are done
  std::size_t sent_pieces_ = 0;  // in the send that is in flight
  bool in_flight_ = false;
};

}  // namespace tandem::net
