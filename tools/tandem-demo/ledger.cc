#include "tools/tandem-demo/ledger.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace tandem::demo {

Sequence Ledger::Begin() {
  messages_.emplace_back();
  ++counts_.published;
  return messages_.size();
}

void Ledger::SetApart(bool apart) {
  apart_ = apart;
  if (!apart) return;
  for (const Sequence sequence : outstanding_) At(sequence).met_partition = true;
  if (!messages_.empty()) messages_.back().met_partition = true;  // the one that may be under way
}

void Ledger::Attempted(Sequence sequence) {
  Message& message = At(sequence);
  if (++message.attempts == 2) ++counts_.repeated;
  message.met_partition |= apart_;
}

void Ledger::Acknowledged(Sequence sequence) {
  Message& message = At(sequence);
  if (message.acknowledged) return;
  message.acknowledged = true;
  ++counts_.acknowledged;
  if (message.receipts == 0) outstanding_.insert(sequence);
}

void Ledger::Received(Sequence sequence, TimePoint now) {
  if (sequence == 0 || sequence > messages_.size()) {
    ++counts_.unknown;
    return;
  }
  Message& message = At(sequence);
  if (message.receipts++ > 0) return ReceivedAgain(message);

  message.connection = connection_;
  ++counts_.received;
  outstanding_.erase(sequence);
  if (sequence < highest_received_)
    ++(message.met_partition ? counts_.late_explained : counts_.out_of_order);
  highest_received_ = std::max(highest_received_, sequence);
  if (last_receipt_)
    counts_.longest_pause =
        std::max(counts_.longest_pause.value_or(Duration::zero()), now - *last_receipt_);
  last_receipt_ = now;
}

void Ledger::ReceivedAgain(Message& message) {
  if (message.connection != connection_) {
    message.connection = connection_;
    ++message.redeliveries;
    ++counts_.twice_explained;
  } else if (message.met_partition) {
    ++counts_.twice_explained;
  } else if (message.receipts - message.redeliveries <= message.attempts) {
    ++counts_.twice_explained;
  } else {
    ++counts_.twice_unexplained;
  }
}

Tally Ledger::tally() const {
  Tally tally = counts_;
  const auto overtaken_end = outstanding_.lower_bound(highest_received_);
  tally.lost = static_cast<std::uint64_t>(std::distance(outstanding_.begin(), overtaken_end));
  tally.on_the_way = outstanding_.size() - tally.lost;
  if (apart_) std::swap(tally.lost, tally.held_back);
  return tally;
}

}  // namespace tandem::demo
