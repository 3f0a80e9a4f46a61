// What is found under which path: the whole admin API, without any I/O.
//
// clang-format off
//   /metrics              Prometheus text
//   /health/live          200, or 503 when a part of the node hangs
//   /health/ready         200 serve me; 404 draining (keep what is open, send nothing new); 503 not ready
//   /health/safe-to-stop  200 stopping now loses and interrupts nothing; 503 not yet, and why
//   /api/v1/node          this node, JSON
//   /api/v1/cluster       the pair as this node sees it, JSON
//   /api/v1/merges        what came of it when both nodes had served and met again, JSON
//   /api/v1/drain         POST on the control socket: move the clients to the partner
//   /api/v1/resume        POST on the control socket: end that
//   /api/v1/force-serve   POST on the control socket: serve without the partner, with what is here
// clang-format on
#pragma once

#include <string>
#include <string_view>

#include "engine/node/admin/status.h"

namespace tandem::admin {

struct Answer {
  unsigned code = 200;
  std::string_view reason;        // "OK"; static
  std::string_view content_type;  // static
  std::string body;
};

// The answer to a GET or HEAD of `url` (a path, with or without a query, which is ignored).
Answer Get(std::string_view url, const Callbacks& callbacks);

// The answer to a POST of `url` by somebody who may change something: 200 done, 202 under way, 409
// refused, with a line of words. A query "force" overrides what can be overridden.
Answer Post(std::string_view url, const Callbacks& callbacks);

// The answer to any other method, and to POST where nothing may be changed.
Answer MethodNotAllowed();

}  // namespace tandem::admin
