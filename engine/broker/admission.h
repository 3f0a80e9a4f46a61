// Whether a connection may become a client, as its listener decided when it came.
#pragma once

#include <cstdint>

namespace tandem::broker {

enum class Admission : std::uint8_t {
  kGranted,
  kQuotaExceeded,  // too many connections at a time: CONNECT is answered with 0x97
  kRateExceeded,   // too many in a short time: with 0x9F
};

}  // namespace tandem::broker
