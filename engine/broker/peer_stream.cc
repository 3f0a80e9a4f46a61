#include "engine/broker/peer_stream.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "engine/base/check.h"

namespace tandem::broker {

void PeerStream::Up(const PeerEpoch& epoch) {
  TANDEM_CHECK(!up_);
  up_ = true;
  epoch_ = epoch;
  number_ = 0;
  applied_ = 0;
  Incoming fresh;
  fresh.relayed.assign(context_.cores, 0);
  fresh.applied.assign(context_.cores, 0);
  incoming_.assign(epoch.peer_cores, fresh);
}

void PeerStream::Down() {
  up_ = false;
  sizes_ = {};
  backlog_bytes_ = 0;
  incoming_.clear();
}

std::uint64_t PeerStream::Append(PeerRecord record) {
  TANDEM_CHECK(up_);
  const std::size_t bytes = BacklogBytes(record);
  sizes_.push_back(static_cast<std::uint32_t>(
      std::min<std::size_t>(bytes, std::numeric_limits<std::uint32_t>::max())));
  backlog_bytes_ += sizes_.back();
  context_.outbox.records.push_back({++number_, std::move(record)});
  return number_;
}

bool PeerStream::Applied(std::uint64_t number) {
  if (!up_ || number > number_) return false;
  for (; applied_ < number; ++applied_) {
    backlog_bytes_ -= sizes_.front();
    sizes_.pop_front();
  }
  return true;
}

PeerOrigin PeerStream::Received(CoreId stream, std::uint64_t number) {
  const std::size_t index = Index(stream);
  if (index < incoming_.size()) {
    incoming_[index].received = number;
    changed_ = true;
  }
  return {.epoch = epoch_.epoch, .stream = stream, .number = number};
}

void PeerStream::RelayedTo(CoreId core, const PeerOrigin& origin) {
  const std::size_t index = Index(origin.stream);
  if (origin.epoch != epoch_.epoch || index >= incoming_.size()) return;
  incoming_[index].relayed[Index(core)] = origin.number;
}

void PeerStream::AppliedAt(CoreId core, const PeerOrigin& origin) {
  const std::size_t index = Index(origin.stream);
  if (!up_ || origin.epoch != epoch_.epoch || index >= incoming_.size()) return;
  incoming_[index].applied[Index(core)] =
      std::max(incoming_[index].applied[Index(core)], origin.number);
  changed_ = true;
}

void PeerStream::Acknowledge() {
  if (!up_ || !changed_) return;
  changed_ = false;
  for (std::size_t stream = 0; stream < incoming_.size(); ++stream) {
    Incoming& incoming = incoming_[stream];
    // A core that owes an answer holds the acknowledgement back to what it has answered; that this
    // is cumulative over records which did not concern it costs a little delay, never a wrong
    // promise.
    std::uint64_t done = incoming.received;
    for (std::size_t core = 0; core < incoming.relayed.size(); ++core) {
      if (incoming.applied[core] < incoming.relayed[core])
        done = std::min(done, incoming.applied[core]);
    }
    if (done <= incoming.acknowledged) continue;
    incoming.acknowledged = done;
    context_.outbox.acknowledgements.push_back({static_cast<CoreId>(stream), done});
  }
}

}  // namespace tandem::broker
