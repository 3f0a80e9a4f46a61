#include "tools/tandem-bench/html_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tools/tandem-bench/html_assets.h"

namespace tandem::bench {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(HtmlReport, HoldsEverythingItNeeds) {
  const std::string page = HtmlReport(R"({"mode":"pair"})", R"({"mode":"other"})");
  EXPECT_THAT(page, HasSubstr(R"(const result = {"mode":"pair"};)"));
  EXPECT_THAT(page, HasSubstr(R"(const baseline = {"mode":"other"};)"));
  EXPECT_THAT(page, HasSubstr(std::string(kPlotJs)));
  EXPECT_THAT(page, HasSubstr(std::string(kPageJs)));
  EXPECT_THAT(page, Not(HasSubstr("{{")));
  // Nothing is loaded: no scripts, styles, fonts or images by address.
  for (const char* loads : {"<link", " src=", "@import", "url(", "fetch("}) {
    EXPECT_THAT(page, Not(HasSubstr(loads)));
  }
}

TEST(HtmlReport, TextCannotEndTheScript) {
  const std::string page = HtmlReport(R"({"first_error":"</script><b>"})", std::nullopt);
  EXPECT_THAT(page, HasSubstr(R"(\u003c/script>\u003cb>)"));
  EXPECT_THAT(page, HasSubstr("const baseline = null;"));
}

}  // namespace
}  // namespace tandem::bench
