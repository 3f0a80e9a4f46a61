#include "engine/net/output_queue.h"

#include <utility>

#include "engine/base/check.h"

namespace tandem::net {

std::uint8_t* OutputQueue::Append(Bytes bytes, BufferPool& pool) {
  Batch& batch = filling();
  if (batch.block.capacity() == 0) batch.block = pool.Take();
  const std::size_t offset = batch.block.size();
  batch.block.Append(bytes);
  if (!batch.pieces.empty() && !batch.pieces.back().payload) {
    batch.pieces.back().size += bytes.size();
  } else {
    batch.pieces.push_back({.offset = offset, .size = bytes.size()});
  }
  batch.bytes += bytes.size();
  return batch.block.data() + offset;
}

void OutputQueue::AppendPayload(broker::MessagePtr message) {
  const std::size_t size = message->payload().size();
  if (size == 0) return;
  filling().pieces.push_back({.size = size, .payload = std::move(message)});
  filling().bytes += size;
}

std::span<const reactor::Fragment> OutputQueue::Next(Fragments& fragments) {
  if (in_flight_) return {};
  if (sending().pieces.empty()) {
    if (filling().pieces.empty()) return {};
    filling_ = 1 - filling_;
  }
  const Batch& batch = sending();
  std::size_t count = 0;
  std::size_t index = first_;
  for (; index < batch.pieces.size() && count < fragments.size(); ++index) {
    const Piece& piece = batch.pieces[index];
    const std::uint8_t* const data =
        piece.payload ? piece.payload->payload().data() : batch.block.data() + piece.offset;
    fragments[count++] = {data, piece.size};
  }
  sent_pieces_ = index - first_;
  in_flight_ = true;
  return {fragments.data(), count};
}

std::size_t OutputQueue::Sent(BufferPool& pool) {
  TANDEM_CHECK(in_flight_);
  in_flight_ = false;
  Batch& batch = sending();
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < sent_pieces_; ++i) {
    Piece& piece = batch.pieces[first_ + i];
    bytes += piece.size;
    piece.payload = broker::MessagePtr();
  }
  first_ += sent_pieces_;
  batch.bytes -= bytes;
  if (first_ == batch.pieces.size()) {
    pool.Return(std::move(batch.block));
    batch.pieces.clear();
    if (batch.pieces.capacity() > kPiecesKept) batch.pieces.shrink_to_fit();
    first_ = 0;
  }
  return bytes;
}

}  // namespace tandem::net
