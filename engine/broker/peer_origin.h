// Where an event came from, if the other node sent it.
#pragma once

#include <cstdint>

#include "engine/base/ids.h"

namespace tandem::broker {

// The place in its stream, so that the record counts as applied only when every core that it
// concerns has handled it.
struct PeerOrigin {
  std::uint64_t epoch = 0;
  CoreId stream{};
  std::uint64_t number = 0;  // 0: not from the other node
};

}  // namespace tandem::broker
