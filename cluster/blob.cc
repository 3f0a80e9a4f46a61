#include "cluster/blob.h"

#include <bit>
#include <cstring>

namespace tandem::cluster {

static_assert(std::endian::native == std::endian::little);

void Blob::Copy(Bytes bytes) { copied_.Append(bytes); }

void Blob::CopyU32(std::uint32_t value) {
  std::memcpy(copied_.Extend(sizeof(value)), &value, sizeof(value));
}

void Blob::CopyU64(std::uint64_t value) {
  std::memcpy(copied_.Extend(sizeof(value)), &value, sizeof(value));
}

void Blob::Gather(Bytes bytes, const broker::MessagePtr& owner) {
  if (bytes.size() < kGatherFrom) return Copy(bytes);
  gathered_.push_back({copied_.size(), bytes, owner});
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
