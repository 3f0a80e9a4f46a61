// When this node begins to be the only one that has what it acknowledged, and when that ends: each
// is told once, for the log.
#pragma once

#include <cstdint>

#include "engine/base/clock.h"

namespace tandem::tandemd {

// Sans-I/O; turned again and again by the one who writes the log.
class ExposureWatch {
 public:
  enum class Step : std::uint8_t { kNothing, kBegins, kEnds };

  // What is exposed now, and for how long the first of it is; 0: nothing.
  Step Turn(std::int64_t messages, MonoNs exposed_for) noexcept {
    const bool was_exposed = messages_ != 0;
    if (messages != 0) {
      messages_ = messages;
      exposed_for_ = exposed_for;
      return was_exposed ? Step::kNothing : Step::kBegins;
    }
    if (!was_exposed) return Step::kNothing;
    ended_messages_ = messages_;
    messages_ = 0;
    return Step::kEnds;
  }

  // Of the one that ended last, as it was last seen.
  std::int64_t ended_messages() const noexcept { return ended_messages_; }
  MonoNs ended_after() const noexcept { return exposed_for_; }

 private:
  std::int64_t messages_ = 0;
  MonoNs exposed_for_ = 0;
  std::int64_t ended_messages_ = 0;
};

}  // namespace tandem::tandemd
