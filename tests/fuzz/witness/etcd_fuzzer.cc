// The body of an answer to a request, or a record as the register holds it. Whatever comes is read
// or is an error; what was read as a record is written and read back as the same. Input: a byte
// that chooses what was asked, then the text.
#include <string_view>

#include "cluster/witness/etcd_codec.h"
#include "engine/base/check.h"

namespace tandem::cluster {
namespace {

void CheckRecord(const WitnessRecord& record) {
  const auto again = DecodeRecord(EncodeRecord(record));
  TANDEM_CHECK(again.ok() && *again == record);
}

void CheckAnswer(const WitnessRequest& request, std::string_view body) {
  const auto answer = DecodeAnswer(request, body);
  if (!answer.ok()) return;
  TANDEM_CHECK(answer->number == request.number);
  TANDEM_CHECK(answer->result == WitnessAnswer::Result::kRead || request.record);
  // What stands in the register is what the next write is to replace.
  if (answer->reading.record) {
    CheckRecord(*answer->reading.record);
    (void)EncodeCall("key",
                     {.record = answer->reading.record, .revision = answer->reading.revision});
  }
}

}  // namespace
}  // namespace tandem::cluster

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tandem::cluster;
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 3) {
    case 0:
      CheckAnswer({.number = 7}, text);
      break;
    case 1:
      CheckAnswer({.number = 8, .record = WitnessRecord{.epoch = 3, .node = "alpha"}}, text);
      break;
    case 2:
      if (const auto record = DecodeRecord(text); record.ok()) CheckRecord(*record);
      break;
  }
  return 0;
}
