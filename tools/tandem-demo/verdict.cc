#include "tools/tandem-demo/verdict.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace tandem::demo {
namespace {

// What breaks a promise, in words; empty if nothing does.
std::vector<std::string> Defects(const Tally& tally) {
  std::vector<std::string> defects;
  const auto note = [&defects](std::uint64_t count, const char* what) {
    if (count > 0) defects.push_back(absl::StrCat(count, " ", what));
  };
  note(tally.lost + tally.on_the_way, "acknowledged and lost");
  note(tally.twice_unexplained, "received twice without reason");
  note(tally.out_of_order, "out of order");
  note(tally.unknown, "received that nobody published");
  note(tally.published - tally.acknowledged, "never acknowledged");
  if (tally.acknowledged == 0) defects.push_back("nothing was acknowledged");
  return defects;
}

}  // namespace

std::string SoFar(const Tally& tally) {
  return absl::StrCat(tally.received, " received, ", tally.lost, " lost, ", tally.twice_unexplained,
                      " twice, ", tally.out_of_order, " out of order");
}

Verdict Judge(const Figures& figures) {
  const Tally& tally = figures.tally;
  const std::vector<std::string> defects = Defects(tally);
  std::string line =
      defects.empty() ? "PASS " : absl::StrCat("FAIL ", absl::StrJoin(defects, ", "), "; of ");
  Tally at_the_end = tally;
  at_the_end.lost += tally.on_the_way;
  absl::StrAppend(&line, tally.acknowledged, " messages acknowledged: ", SoFar(at_the_end), "; ",
                  figures.published_via[0], " entered at ", figures.names[0], ", ",
                  figures.published_via[1], " at ", figures.names[1], "; ", tally.repeated,
                  " sent again (", tally.twice_explained, " of them came twice)");
  if (tally.late_explained > 0)
    absl::StrAppend(&line, "; ", tally.late_explained, " waited for the cut to be mended");
  absl::StrAppendFormat(&line, "; longest pause %.2f s; %s back after %.1f s",
                        Seconds(tally.longest_pause.value_or(Duration::zero())),
                        figures.names[figures.victim], Seconds(figures.back_after));
  return {defects.empty(), line};
}

}  // namespace tandem::demo
