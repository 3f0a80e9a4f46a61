#include "tools/tandem-bench/html_report.h"

#include "absl/strings/str_replace.h"
#include "engine/base/strings.h"
#include "tools/tandem-bench/html_assets.h"

namespace tandem::bench {
namespace {

// JSON inside a script element: no text in it may end the element.
std::string ForScript(std::string_view json) {
  return absl::StrReplaceAll(ToAbsl(json), {{"<", "\\u003c"}});
}

}  // namespace

std::string HtmlReport(std::string_view json, std::optional<std::string_view> baseline) {
  return absl::StrReplaceAll(ToAbsl(kPageHtml),
                             {{"/*{{plot.css}}*/", ToAbsl(kPlotCss)},
                              {"/*{{plot.js}}*/", ToAbsl(kPlotJs)},
                              {"/*{{page.js}}*/", ToAbsl(kPageJs)},
                              {"/*{{page.css}}*/", ToAbsl(kPageCss)},
                              {"/*{{result}}*/", ForScript(json)},
                              {"/*{{baseline}}*/", baseline ? ForScript(*baseline) : "null"}});
}

}  // namespace tandem::bench
