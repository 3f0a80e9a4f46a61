// How far a numbered sequence is done when its items go to several places, each of which reports
// in its own order.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tandem::broker {

// Items are numbered 1, 2, ... across all places; a place reports up to which number it has done
// those that went to it.
class Frontier {
 public:
  // Begins anew with `places` places; numbers go on, and what was under way counts as done.
  void Reset(std::size_t places) {
    sent_.assign(places, 0);
    done_.assign(places, 0);
  }
  // The number of an item that goes to `place` now.
  std::uint64_t Send(std::size_t place) {
    sent_[place] = ++last_;
    return last_;
  }
  // False if `place` is none, or `number` was never given out.
  bool Done(std::size_t place, std::uint64_t number) {
    if (place >= done_.size() || number > last_) return false;
    done_[place] = std::max(done_[place], number);
    return true;
  }
  // All up to here are done, wherever they went.
  std::uint64_t reached() const noexcept {
    std::uint64_t reached = last_;
    for (std::size_t place = 0; place < sent_.size(); ++place) {
      if (done_[place] < sent_[place]) reached = std::min(reached, done_[place]);
    }
    return reached;
  }

 private:
  std::uint64_t last_ = 0;
  std::vector<std::uint64_t> sent_;  // by place: the last that went there
  std::vector<std::uint64_t> done_;
};

}  // namespace tandem::broker
