#include "cluster/stream_sender.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/planted_bug.h"

namespace tandem::cluster {
namespace {

// A backlog that is gone leaves memory for so many records, so that traffic does not allocate.
constexpr std::size_t kEntriesKept = 8192;

}  // namespace

void StreamSender::Append(std::uint64_t number, broker::PeerRecord&& record) {
  TANDEM_CHECK_MSG(number == last_ + 1, "records are numbered without gaps");
  const std::size_t bytes = broker::BacklogBytes(record);
  Entry& entry = entries_.emplace_back();
  entry.record.emplace(std::move(record));
  entry.bytes = bytes;
  backlog_bytes_ += bytes;
  last_ = number;
}

void StreamSender::MarkTime(MonoNs now) {
  const std::uint64_t marked = marks_.empty() ? applied_ : marks_.back().last;
  if (last_ > marked) marks_.push_back({last_, now});
}

absl::Status StreamSender::Resume(std::uint64_t received) {
  if (received < applied_ || received > highest_sent_) {
    return absl::DataLossError(absl::StrCat("the partner says it received up to record ", received,
                                            " of a stream of which ", applied_, " are applied and ",
                                            highest_sent_, " were sent"));
  }
  sent_ = received;
  in_flight_.clear();
  if (IsPlanted(PlantedBug::kResumeTooFar) && sent_ < last_) ++sent_;
  in_flight_bytes_ = 0;
  open_ = true;
  return absl::OkStatus();
}

void StreamSender::Suspend() noexcept {
  open_ = false;
  in_flight_.clear();
  in_flight_bytes_ = 0;
}

std::optional<StreamSender::Batch> StreamSender::NextBatch() {
  if (!HasBatch()) return std::nullopt;
  Batch batch{.first = sent_ + 1};
  while (sent_ < last_ && batch.count < limits_.batch_records) {
    const std::size_t bytes = At(sent_ + 1).bytes;
    if (batch.count != 0 && batch.bytes + bytes > limits_.batch_bytes) break;
    batch.bytes += bytes;
    ++batch.count;
    ++sent_;
  }
  if (batch.first <= highest_sent_) resent_ += std::min(sent_, highest_sent_) - batch.first + 1;
  highest_sent_ = std::max(highest_sent_, sent_);
  in_flight_.push_back({.last = sent_, .bytes = batch.bytes});
  in_flight_bytes_ += batch.bytes;
  return batch;
}

const broker::PeerRecord& StreamSender::record(std::uint64_t number) const {
  return *At(number).record;
}

absl::Status StreamSender::OnReceived(std::uint64_t number) {
  if (number > highest_sent_) {
    return absl::DataLossError(absl::StrCat("the partner says it received up to record ", number,
                                            " where ", highest_sent_, " was the last one sent"));
  }
  while (!in_flight_.empty() && in_flight_.front().last <= number) {
    in_flight_bytes_ -= in_flight_.front().bytes;
    in_flight_.pop_front();
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> StreamSender::OnApplied(std::uint64_t number) {
  if (number > highest_sent_) {
    return absl::DataLossError(absl::StrCat("the partner acknowledged record ", number, " where ",
                                            highest_sent_, " was the last one sent"));
  }
  if (number <= applied_) return false;
  while (applied_ < number) {
    backlog_bytes_ -= entries_.front().bytes;
    entries_.pop_front();
    ++applied_;
  }
  if (entries_.capacity() > kEntriesKept) entries_.ReleaseIfEmpty();
  while (!marks_.empty() && marks_.front().last <= applied_) marks_.pop_front();
  // Applied implies received, also by an acknowledgement that overtakes what the lane has
  // confirmed.
  sent_ = std::max(sent_, applied_);
  return true;
}

MonoNs StreamSender::OldestAge(MonoNs now) const noexcept {
  return marks_.empty() ? 0 : now - marks_.front().time;
}

void StreamSender::Forgive(MonoNs gap) noexcept {
  for (Mark& mark : marks_) mark.time += gap;
}

const StreamSender::Entry& StreamSender::At(std::uint64_t number) const {
  TANDEM_CHECK(number > applied_ && number <= last_);
  return entries_[static_cast<std::size_t>(number - applied_ - 1)];
}

}  // namespace tandem::cluster
