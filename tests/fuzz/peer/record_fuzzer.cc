// A batch of records as RecordSink.append gets it: any message, any blob. What decodes is encoded
// again, and must decode to the same number of records.
#include <capnp/any.h>
#include <capnp/message.h>
#include <capnp/serialize.h>
#include <kj/exception.h>

#include <algorithm>
#include <cstring>

#include "cluster/record_codec.h"
#include "engine/base/check.h"

namespace tandem::cluster {
namespace {

constexpr Now kNow{.mono_ns = 1'000'000'000, .wall_ms = 1'700'000'000'000};

void DecodeAll(peer::RecordSink::AppendParams::Reader batch) {
  const capnp::Data::Reader data = batch.getBlob();
  Bytes blob{data.begin(), data.size()};
  for (const peer::RecordMeta::Reader meta : batch.getRecords()) {
    broker::PeerRecord record;
    if (!DecodeRecord(meta, blob, {}, kNow, record).ok()) return;
    capnp::MallocMessageBuilder message;
    Blob again;
    EncodeRecord(record, kNow, message.initRoot<peer::RecordMeta>(), again);
    std::vector<reactor::Fragment> fragments;
    again.AppendTo(fragments);
    std::vector<std::uint8_t> bytes;
    for (const reactor::Fragment& fragment : fragments)
      bytes.insert(bytes.end(), fragment.data, fragment.data + fragment.size);
    Bytes rest = bytes;
    const auto meta_again = message.getRoot<peer::RecordMeta>().asReader();
    TANDEM_CHECK(DecodeRecord(meta_again, rest, {}, kNow, record).ok() && rest.empty());
  }
}

}  // namespace
}  // namespace tandem::cluster

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tandem;
  if (size == 0) return 0;
  const unsigned records = data[0] % 4;
  tandem::Bytes rest{data + 1, size - 1};
  [[maybe_unused]] const auto exception = kj::runCatchingExceptions([&] {
    if (records == 0) {
      // Any message at all: one segment, without a table, so that the fuzzer needs no valid
      // framing.
      kj::Array<capnp::word> aligned =
          kj::heapArray<capnp::word>(rest.size() / sizeof(capnp::word));
      std::memcpy(aligned.begin(), rest.data(), aligned.size() * sizeof(capnp::word));
      const kj::ArrayPtr<const capnp::word> segment = aligned;
      capnp::SegmentArrayMessageReader reader(kj::arrayPtr(&segment, 1));
      return cluster::DecodeAll(reader.getRoot<peer::RecordSink::AppendParams>());
    }
    // A sound message with any values in it: first the fixed parts, then the blob.
    capnp::MallocMessageBuilder message;
    auto params = message.initRoot<peer::RecordSink::AppendParams>();
    for (peer::RecordMeta::Builder meta : params.initRecords(records)) {
      auto section = capnp::toAny(meta).getDataSection();
      const std::size_t count = std::min(section.size(), rest.size());
      std::memcpy(section.begin(), rest.data(), count);
      rest = rest.subspan(count);
    }
    params.setBlob(kj::arrayPtr(rest.data(), rest.size()));
    cluster::DecodeAll(params.asReader());
  });
  return 0;
}
