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
  told_ = 0;
  incoming_.clear();
  incoming_.resize(epoch.peer_cores);
  for (Incoming& incoming : incoming_) incoming.relayed.resize(context_.cores);
}

void PeerStream::Down() {
  up_ = false;
  base_ += number_;
  number_ = 0;
  applied_ = 0;
  snapshot_end_ = 0;
  sizes_ = {};
  backlog_bytes_ = 0;
  incoming_.clear();
}

std::uint64_t PeerStream::Append(PeerRecord&& record) {
  TANDEM_CHECK(up_);
  const std::size_t bytes = BacklogBytes(record);
  sizes_.push_back(static_cast<std::uint32_t>(
      std::min<std::size_t>(bytes, std::numeric_limits<std::uint32_t>::max())));
  backlog_bytes_ += sizes_.back();
  context_.outbox.records.emplace_back(++number_, std::move(record));
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
  RingQueue<Relayed>& relayed = incoming_[index].relayed[Index(core)];
  if (!relayed.empty() && relayed.back().number == origin.number) {
    ++relayed.back().parts;
  } else {
    relayed.push_back({.number = origin.number, .parts = 1});
  }
}

void PeerStream::AppliedAt(CoreId core, const RelayedApplied& answer) {
  const PeerOrigin& origin = answer.origin;
  const std::size_t index = Index(origin.stream);
  if (!up_ || origin.epoch != epoch_.epoch || index >= incoming_.size()) return;
  RingQueue<Relayed>& relayed = incoming_[index].relayed[Index(core)];
  const auto is_done = [&](const Relayed& record) {
    return record.number < origin.number ||
           (record.number == origin.number && record.parts <= answer.parts);
  };
  while (!relayed.empty() && is_done(relayed.front())) relayed.pop_front();
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
  std::uint64_t done = incoming.received;
  for (const RingQueue<Relayed>& relayed : incoming.relayed) {
    if (!relayed.empty()) done = std::min(done, relayed.front().number - 1);
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
