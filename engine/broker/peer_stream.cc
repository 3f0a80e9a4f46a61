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
  Incoming fresh;
  fresh.relayed.assign(context_.cores, 0);
  fresh.applied.assign(context_.cores, 0);
  incoming_.assign(epoch.peer_cores, fresh);
}

void PeerStream::Down() {
  up_ = false;
  base_ += number_;
  number_ = 0;
  applied_ = 0;
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

void PeerStream::HoldBack(const PeerOrigin& origin) {
  const std::size_t index = Index(origin.stream);
  if (origin.epoch != epoch_.epoch || index >= incoming_.size()) return;
  incoming_[index].held_back.insert(origin.number);
}

void PeerStream::LetGo(const PeerOrigin& origin) {
  const std::size_t index = Index(origin.stream);
  if (origin.epoch != epoch_.epoch || index >= incoming_.size()) return;
  const auto it = incoming_[index].held_back.find(origin.number);
  if (it == incoming_[index].held_back.end()) return;
  incoming_[index].held_back.erase(it);
  changed_ = true;
}

std::uint64_t PeerStream::AppliedHere(CoreId stream) const {
  if (Index(stream) >= incoming_.size()) return 0;
  const Incoming& incoming = incoming_[Index(stream)];
  // A core that owes an answer holds the acknowledgement back to what it has answered; that this
  // is cumulative over records which did not concern it costs a little delay, never a wrong
  // promise.
  std::uint64_t done = incoming.received;
  for (std::size_t core = 0; core < incoming.relayed.size(); ++core) {
    if (incoming.applied[core] < incoming.relayed[core])
      done = std::min(done, incoming.applied[core]);
  }
  if (!incoming.held_back.empty()) done = std::min(done, *incoming.held_back.begin() - 1);
  return done;
}

void PeerStream::Acknowledge() {
  if (!up_ || !changed_) return;
  changed_ = false;
  for (std::size_t stream = 0; stream < incoming_.size(); ++stream) {
    const std::uint64_t done = AppliedHere(static_cast<CoreId>(stream));
    if (done <= incoming_[stream].acknowledged) continue;
    incoming_[stream].acknowledged = done;
    context_.outbox.acknowledgements.push_back({static_cast<CoreId>(stream), done});
  }
}

}  // namespace tandem::broker
