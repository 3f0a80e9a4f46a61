// What both copies of a session must have in common at equal positions of its owner's stream, as a
// number: equal copies have equal hashes, and different ones hardly ever.
#pragma once

#include <cstdint>

#include "engine/broker/session.h"

namespace tandem::broker {

// Of the places in the queue from number `first` on and below `last`, each with its message's
// identity, and with `first` 0 also of the subscriptions, the packet identifiers that wait for
// PUBREL, the will and the expiry.
//
// Left out is what only the owner knows (what was sent, who is connected) and when things happened.
std::uint64_t CopyHash(const Session& session, std::uint64_t first, std::uint64_t last);

}  // namespace tandem::broker
