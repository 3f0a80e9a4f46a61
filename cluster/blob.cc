#include "cluster/blob.h"

#include <utility>

namespace tandem::cluster {

void Blob::Copy(Bytes bytes) { copied_.Append(bytes); }

void Blob::CopyU32(std::uint32_t value) {
  std::uint8_t* const place = copied_.Extend(4);
  for (unsigned i = 0; i < 4; ++i) place[i] = static_cast<std::uint8_t>(value >> (8 * i));
}

void Blob::Gather(Bytes bytes, broker::MessagePtr owner) {
  if (bytes.size() < kGatherFrom) return Copy(bytes);
  gathered_.push_back({copied_.size(), bytes, std::move(owner)});
  gathered_bytes_ += bytes.size();
}

void Blob::AppendTo(std::vector<reactor::Fragment>& out) const {
  std::size_t copied = 0;
  for (const Gathered& part : gathered_) {
    if (part.copied_before != copied)
      out.push_back({copied_.data() + copied, part.copied_before - copied});
    out.push_back({part.bytes.data(), part.bytes.size()});
    copied = part.copied_before;
  }
  if (copied != copied_.size()) out.push_back({copied_.data() + copied, copied_.size() - copied});
}

}  // namespace tandem::cluster
