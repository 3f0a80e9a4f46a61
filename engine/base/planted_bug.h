// Mistakes that the simulation must find. Each stands where the right code stands, behind
// IsPlanted(), which is a constant false in every build but that of the test which plants them.
#pragma once

#include <cstdint>

namespace tandem {

enum class PlantedBug : std::uint8_t {
  kNone,
  // Rules of exactly-once across a failover (R1 to R6; R4, lazy removal, may be left out).
  kAckBeforePeer,         // R1: PUBACK and PUBREC do not wait for the other node
  kPacketIdForgotten,     // R1: the other node is not told the publisher's packet id
  kPublishBeforePlace,    // R2: a QoS 2 PUBLISH leaves before the other node knows its place
  kPacketIdByNode,        // R2d: the packet id is not a function of the queue number alone
  kPubrelBeforeReleased,  // R3: PUBREL does not wait until the other node knows "released"
  kPubcompBeforeFree,  // R5: PUBCOMP does not wait until the other node knows that the id is free
  kMoveWithoutFence,   // R6: a client is served before its old node has handed it over
  // The stream between the nodes.
  kBatchTwice,    // what comes again after a reconnect is applied again
  kResumeTooFar,  // a lane goes on one record too far
  // The promises around them.
  kSubackAtOnce,       // P3
  kSnapshotEndsEarly,  // in step before all copies are routed to
  kUnplacedForgotten,  // a failover forgets what had no place yet
  kProgressUntold,     // the copy never hears what is done
  kRetainedUntold,     // a returning node is not told the retained messages
  kWillDoneUntold,     // the copy keeps a will that was published
  // Copies that no longer follow: what the hashes are for.
  kPlaceForgotten,        // a copy passes a place over
  kUnsubscribeForgotten,  // a copy keeps what was unsubscribed
  // The pair, when it is parted.
  kServesUnclaimed,  // a node goes on before the witness has said that it may
  kOneWayIsSeen,     // a partner counts as seen whose beats arrive, though none gets there
  kHeldActsAlone,    // while it is not decided, cores acknowledge as if they were alone
};

// TANDEM_PLANTED_BUGS: a test chooses the mistake. TANDEM_PLANTED_FOR_GOOD: a program that makes
// the one it names, always.
#if defined(TANDEM_PLANTED_BUGS)
inline thread_local PlantedBug planted_bug = PlantedBug::kNone;
inline bool IsPlanted(PlantedBug bug) noexcept { return planted_bug == bug; }
#elif defined(TANDEM_PLANTED_FOR_GOOD)
constexpr bool IsPlanted(PlantedBug bug) noexcept {
  return bug == PlantedBug::TANDEM_PLANTED_FOR_GOOD;
}
#else
constexpr bool IsPlanted(PlantedBug) noexcept { return false; }
#endif

}  // namespace tandem
