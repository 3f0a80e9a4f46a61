// What waits to be sent on one connection, as fragments that stay where they are until the
// transport has sent them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "engine/base/byte_buffer.h"
#include "engine/base/bytes.h"
#include "engine/reactor/transport.h"

namespace tandem::cluster {

// One per connection, on its core. At most one send is in flight, as the transport demands.
class SendQueue {
 public:
  // A send beyond this many bytes would only make what follows it wait in the kernel.
  static constexpr std::size_t kSendBytesMax = 128 * 1024;
  // Below this a fragment of its own costs more than the copy.
  static constexpr std::size_t kCopyBelow = 1024;

  // A run of fragments and whatever keeps their memory alive.
  class Parcel {
   public:
    virtual ~Parcel() = default;
    std::vector<reactor::Fragment> fragments;  // none empty
  };

  // Copies `bytes`; neighbours that are copied share a fragment.
  void Copy(Bytes bytes);
  void Push(std::unique_ptr<Parcel> parcel);

  bool sending() const noexcept { return in_flight_ != 0; }
  bool empty() const noexcept { return parcels_.empty(); }
  std::size_t bytes() const noexcept { return bytes_; }

  // The fragments of the next send, valid until Sent(); empty if one is in flight or nothing waits.
  std::span<const reactor::Fragment> Next();
  // The transport has sent what Next() yielded.
  void Sent();
  // Lets go of everything. Only when the transport has let go of what is in flight.
  void Clear();

 private:
  struct Block;

  std::deque<std::unique_ptr<Parcel>> parcels_;
  std::array<reactor::Fragment, reactor::kFragmentsMax> sending_{};
  std::size_t fragment_ = 0;  // of the first parcel: the first one not wholly sent
  std::size_t offset_ = 0;    // in it
  std::size_t in_flight_ = 0;
  std::size_t bytes_ = 0;
  Block* block_ = nullptr;  // the last parcel, if copies may still be added to it
};

}  // namespace tandem::cluster
