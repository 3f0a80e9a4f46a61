// The search of find-max: which rate a broker keeps up with.
#pragma once

#include <optional>

namespace tandem::bench {

// Halves the distance between a rate that was kept up and one that was not. The caller runs a load
// at next() and reports what came of it, until next() is empty. No clock, no load: only the search.
class RateSearch {
 public:
  // Begins at `first` messages per second, doubles until one is too much, then closes in until the
  // two bounds are within `precision` (0.05: five percent) of each other.
  RateSearch(double first, double precision);

  std::optional<double> next() const noexcept;
  void Report(bool kept_up) noexcept;

  // The greatest rate that was kept up so far; 0 if none was.
  double best() const noexcept { return kept_up_; }

 private:
  double precision_;
  double rate_;
  double kept_up_ = 0;
  double too_much_ = 0;  // 0: none was so far
  bool is_done_ = false;
};

}  // namespace tandem::bench
