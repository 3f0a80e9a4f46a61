// What the running kernel can do for a ring, found out by trying.
#pragma once

#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>

namespace tandem::reactor {

// One row of the table in uring_features.cc each: name, first kernel, effect, and what happens
// without it.
enum class UringFeature : std::uint8_t {
  kSingleIssuer,
  kDeferTaskrun,
  kCoopTaskrun,
  kSubmitAll,
  kTaskrunFlag,
  kRegisteredRing,
  kMultishotAccept,
  kBufferRing,
  kMultishotReceive,
  kRingMessage,
  kQuietSend,
};
inline constexpr std::size_t kUringFeatures = 11;

class UringFeatures {
 public:
  bool Has(UringFeature feature) const noexcept { return bits_[static_cast<std::size_t>(feature)]; }
  void Set(UringFeature feature, bool present = true) noexcept {
    bits_[static_cast<std::size_t>(feature)] = present;
  }
  // Only what both have.
  UringFeatures& operator&=(const UringFeatures& other) noexcept {
    bits_ &= other.bits_;
    return *this;
  }
  static UringFeatures All() noexcept {
    UringFeatures all;
    all.bits_.set();
    return all;
  }

  // A table for the log at start: one line per feature with the consequence.
  std::string ToTable() const;

 private:
  std::bitset<kUringFeatures> bits_;
};

}  // namespace tandem::reactor
