#include "cluster/stream_receiver.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/planted_bug.h"

namespace tandem::cluster {

absl::StatusOr<std::size_t> StreamReceiver::Accept(std::uint64_t first, std::size_t count) const {
  if (first == 0 || first > received_ + 1) {
    return absl::DataLossError(
        absl::StrCat("record ", first, " came where ", received_ + 1, " was expected"));
  }
  if (IsPlanted(PlantedBug::kBatchTwice)) return std::size_t{0};
  return std::min<std::size_t>(static_cast<std::size_t>(received_ + 1 - first), count);
}

void StreamReceiver::Applied(std::uint64_t number) {
  TANDEM_CHECK_MSG(number <= received_, "a record can't be applied before it came");
  applied_ = std::max(applied_, number);
}

std::optional<std::uint64_t> StreamReceiver::TakeAck() noexcept {
  if (!HasAck()) return std::nullopt;
  reported_ = applied_;
  return applied_;
}

void StreamReceiver::Resume() noexcept {
  open_ = true;
  reported_ = 0;
}

}  // namespace tandem::cluster
