#include "engine/net/output_queue.h"

#include <utility>

#include "engine/base/check.h"

namespace tandem::net {

std::uint8_t* OutputQueue::Append(Bytes bytes, BufferPool& pool) {
  if (filling_.block.capacity() == 0) filling_.block = pool.Take();
  const std::size_t offset = filling_.block.size();
  filling_.block.Append(bytes);
  if (!filling_.pieces.empty() && !filling_.pieces.back().payload) {
    filling_.pieces.back().size += bytes.size();
  } else {
    filling_.pieces.push_back({.offset = offset, .size = bytes.size()});
  }
  filling_.bytes += bytes.size();
  return filling_.block.data() + offset;
}

void OutputQueue::AppendPayload(broker::MessagePtr message) {
  const std::size_t size = message->payload().size();
  if (size == 0) return;
  filling_.pieces.push_back({.size = size, .payload = std::move(message)});
  filling_.bytes += size;
}

std::span<const reactor::Fragment> OutputQueue::Next(Fragments& fragments) {
  if (in_flight_) return {};
  if (first_ == sending_.pieces.size()) {
    if (filling_.pieces.empty()) return {};
    sending_.pieces.clear();
    std::swap(sending_, filling_);
    first_ = 0;
  }
  std::size_t count = 0;
  std::size_t index = first_;
  for (; index < sending_.pieces.size() && count < fragments.size(); ++index) {
    const Piece& piece = sending_.pieces[index];
    const std::uint8_t* const data =
        piece.payload ? piece.payload->payload().data() : sending_.block.data() + piece.offset;
    fragments[count++] = {data, piece.size};
  }
  sent_pieces_ = index - first_;
  in_flight_ = true;
  return {fragments.data(), count};
}

std::size_t OutputQueue::Sent(BufferPool& pool) {
  TANDEM_CHECK(in_flight_);
  in_flight_ = false;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < sent_pieces_; ++i) {
    Piece& piece = sending_.pieces[first_ + i];
    bytes += piece.size;
    piece.payload = broker::MessagePtr();
  }
  first_ += sent_pieces_;
  sending_.bytes -= bytes;
  if (first_ == sending_.pieces.size()) {
    pool.Return(std::move(sending_.block));
    sending_ = Batch();
    first_ = 0;
  }
  return bytes;
}

}  // namespace tandem::net
