#include "engine/reactor/uring_features.h"

#include "absl/strings/str_format.h"

namespace tandem::reactor {
namespace {

struct Row {
  UringFeature feature;
  const char* name;
  const char* kernel;   // first Linux that has it
  const char* with;     // what it gives
  const char* without;  // what we do instead
};

constexpr Row kRows[] = {
    {UringFeature::kSingleIssuer, "single issuer", "6.0", "no lock on submission",
     "submission takes a lock"},
    {UringFeature::kDeferTaskrun, "deferred task work", "6.1",
     "completions only when the core asks for them", "completions interrupt the core"},
    {UringFeature::kCoopTaskrun, "cooperative task work", "5.19", "no interrupt for a completion",
     "an interrupt per completion batch"},
    {UringFeature::kSubmitAll, "submit all", "5.18", "one bad request does not stop a batch",
     "the rest of a batch goes with the next enter"},
    {UringFeature::kTaskrunFlag, "task work flag", "5.19", "an idle turn makes no system call",
     "every turn enters the kernel"},
    {UringFeature::kRegisteredRing, "registered ring", "5.18", "cheaper enter",
     "descriptor lookup per enter"},
    {UringFeature::kMultishotAccept, "multishot accept", "5.19", "one request accepts for ever",
     "one request per connection"},
    {UringFeature::kBufferRing, "buffer rings", "5.19", "the kernel picks receive buffers",
     "poll, then recv() into a buffer of ours (about half the speed)"},
    {UringFeature::kMultishotReceive, "multishot receive", "6.0", "one request receives for ever",
     "poll, then recv() into a buffer of ours (about half the speed)"},
    {UringFeature::kRingMessage, "ring messages", "5.18", "waking a core rides on the next enter",
     "waking a core costs a write() to an eventfd"},
    {UringFeature::kQuietSend, "quiet sends", "6.0", "a send that succeeds does not end a sleep",
     "a turn more for each send before the core sleeps"},
};
static_assert(std::size(kRows) == kUringFeatures, "one row per feature");

}  // namespace

std::string UringFeatures::ToTable() const {
  std::string table;
  for (const Row& row : kRows) {
    const bool present = Has(row.feature);
    absl::StrAppendFormat(&table, "%-22s %-4s (Linux %s) %s\n", row.name, present ? "yes" : "no",
                          row.kernel, present ? row.with : row.without);
  }
  return table;
}

}  // namespace tandem::reactor
