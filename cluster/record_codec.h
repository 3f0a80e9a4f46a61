// Records of the broker as they stand on the wire: fixed parts in a list of RecordMeta, all bytes
// in one blob (proto/peer/peer.capnp specifies both).
#pragma once

#include "absl/status/status.h"
#include "cluster/blob.h"
#include "engine/base/bytes.h"
#include "engine/base/clock.h"
#include "engine/broker/message.h"
#include "engine/broker/peer_record.h"
#include "proto/peer/peer.capnp.h"

namespace tandem::cluster {

// Payloads from here on stay in the slab that they were received in, which the message then keeps
// alive; smaller ones are copied. A slab is 256 KiB, so a message holds at most 64 times its size.
inline constexpr std::size_t kAdoptFrom = 4 * 1024;

// Fills `meta` (fresh, all defaults) and appends the record's bytes to `blob`. Expiry becomes time
// left at `now`.
void EncodeRecord(const broker::PeerRecord& record, const Now& now, peer::RecordMeta::Builder meta,
                  Blob& blob);

// Reads one record into `record`; its parts stand at the front of `blob`, which is advanced past
// them. `slab`, if given, holds the blob's memory. Everything from the wire is checked: an error
// means that the other node is broken or of an unknown version, and `record` is to be forgotten.
absl::Status DecodeRecord(peer::RecordMeta::Reader meta, Bytes& blob, const broker::BufferPtr& slab,
                          const Now& now, broker::PeerRecord& record);

}  // namespace tandem::cluster
