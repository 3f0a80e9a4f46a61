// What tandemctl does: requests to a node, and lines for whoever asked.
#pragma once

#include <functional>
#include <ostream>
#include <string_view>

#include "absl/status/statusor.h"
#include "tools/support/http_client.h"
#include "tools/tandemctl/options.h"

namespace tandem::tandemctl {

struct Context {
  // `method` and path, to the node.
  std::function<absl::StatusOr<tools::HttpResponse>(std::string_view, std::string_view)> request;
  std::function<void()> pause;  // between two looks at a drain
  std::ostream& out;
  std::ostream& err;
};

// Carries out the command; the exit code.
int Run(const Options& options, const Context& context);

}  // namespace tandem::tandemctl
