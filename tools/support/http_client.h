// One plain HTTP/1.1 request to a node, for health checks, metrics and an operator's wishes.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace tandem::tools {

struct HttpResponse {
  int status = 0;
  std::string body;
};

// A whole response. Understands Content-Length and chunked bodies; without either the body is all
// there is. Nothing if the response is cut off or is no HTTP.
std::optional<HttpResponse> ParseHttpResponse(std::string_view text);

// GET http://127.0.0.1:`port``path`. Unavailable if nobody answers within `timeout`.
absl::StatusOr<HttpResponse> HttpGet(std::uint16_t port, std::string_view path,
                                     std::chrono::milliseconds timeout);

// `method` ("GET", "POST") for `path` on the abstract Unix socket `name` ("@..."). Unavailable if
// nobody answers within `timeout`; PermissionDenied if somebody there closes without an answer.
absl::StatusOr<HttpResponse> HttpOverUnix(std::string_view name, std::string_view method,
                                          std::string_view path, std::chrono::milliseconds timeout);

}  // namespace tandem::tools
