// Any bytes as a story of several clients and two nodes: for fuzzing, and for tests with random
// bytes.
#pragma once

#include <string>

#include "engine/base/bytes.h"

namespace tandem::testing {

// Lives the story and checks what must hold in it: one connection per client id, packet ids that
// are unique, nothing asked of a core that it cannot do; and when all clients have gone and all
// sessions have expired, nothing left behind on either node. Yields what was wrong, "" if nothing.
std::string RunBrokerProgram(Bytes program);

}  // namespace tandem::testing
