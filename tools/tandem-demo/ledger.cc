#include "tools/tandem-demo/ledger.h"

#include <algorithm>
#include <iterator>

namespace tandem::demo {

Sequence Ledger::Begin() {
  messages_.emplace_back();
  ++counts_.published;
  return messages_.size();
}

void Ledger::Attempted(Sequence sequence) {
  if (++At(sequence).attempts == 2) ++counts_.repeated;
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
  if (sequence < highest_received_) ++counts_.out_of_order;
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
  return tally;
}

}  // namespace tandem::demo
