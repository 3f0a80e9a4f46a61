#include "cluster/send_queue.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"

namespace tandem::cluster {
namespace {
constexpr std::size_t kBlockBytes = 16 * 1024;
}

// Never grows beyond its capacity, so its one fragment stays where it is; what is in flight of it
// is not touched by adding behind.
struct SendQueue::Block final : Parcel {
  ByteBuffer memory;
};

void SendQueue::Copy(Bytes bytes) {
  if (bytes.empty()) return;
  if (block_ == nullptr || block_->memory.capacity() - block_->memory.size() < bytes.size()) {
    auto block = std::make_unique<Block>();
    block->memory.Reserve(std::max(kBlockBytes, bytes.size()));
    block->fragments.push_back({block->memory.data(), 0});
    block_ = block.get();
    parcels_.push_back(std::move(block));
  }
  block_->memory.Append(bytes);
  block_->fragments.front().size += bytes.size();
  bytes_ += bytes.size();
}

void SendQueue::Push(std::unique_ptr<Parcel> parcel) {
  TANDEM_CHECK(!parcel->fragments.empty());
  for (const reactor::Fragment& fragment : parcel->fragments) bytes_ += fragment.size;
  block_ = nullptr;
  parcels_.push_back(std::move(parcel));
}

std::span<const reactor::Fragment> SendQueue::Next() {
  if (in_flight_ != 0) return {};
  std::size_t count = 0;
  std::size_t offset = offset_;
  std::size_t fragment = fragment_;
  for (std::size_t parcel = 0; parcel < parcels_.size(); ++parcel, fragment = 0) {
    const std::vector<reactor::Fragment>& from = parcels_[parcel]->fragments;
    for (; fragment < from.size(); ++fragment, offset = 0) {
      if (count == sending_.size() || in_flight_ >= kSendBytesMax) return {sending_.data(), count};
      const std::size_t size = std::min(from[fragment].size - offset, kSendBytesMax - in_flight_);
      sending_[count++] = {from[fragment].data + offset, size};
      in_flight_ += size;
    }
  }
  return {sending_.data(), count};
}

void SendQueue::Sent() {
  TANDEM_CHECK(in_flight_ <= bytes_);
  std::size_t left = std::exchange(in_flight_, 0);
  bytes_ -= left;
  while (left != 0) {
    const std::vector<reactor::Fragment>& from = parcels_.front()->fragments;
    const std::size_t size = from[fragment_].size - offset_;
    if (left < size) {
      offset_ += left;
      return;
    }
    left -= size;
    offset_ = 0;
    if (++fragment_ == from.size()) {
      if (parcels_.front().get() == block_) block_ = nullptr;
      fragment_ = 0;
      parcels_.pop_front();
    }
  }
}

void SendQueue::Clear() {
  parcels_.clear();
  fragment_ = offset_ = in_flight_ = bytes_ = 0;
  block_ = nullptr;
}

}  // namespace tandem::cluster
