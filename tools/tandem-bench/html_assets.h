// The files of html/, put into the program by CMake (html/embed.cmake).
#pragma once

#include <string_view>

namespace tandem::bench {

extern const std::string_view kPageHtml;
extern const std::string_view kPageCss;
extern const std::string_view kPageJs;
extern const std::string_view kPlotCss;  // uPlot's
extern const std::string_view kPlotJs;

}  // namespace tandem::bench
