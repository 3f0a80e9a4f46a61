#include "tools/tandemctl/commands.h"

#include <string>

namespace tandem::tandemctl {
namespace {

int Complain(const Context& context, const absl::Status& status) {
  context.err << "tandemctl: no answer from the node: " << status.message()
              << (absl::IsPermissionDenied(status)
                      ? "; only root and the user that it runs as are answered\n"
                      : "; does it run on this host, with this admin.address?\n");
  return kExitFailed;
}

int Status(const Context& context) {
  for (const char* const path : {"/api/v1/node", "/api/v1/cluster"}) {
    const auto response = context.request("GET", path);
    if (!response.ok()) return Complain(context, response.status());
    context.out << response->body;
  }
  return kExitOk;
}

// Asks until the node says that it is done; a line whenever it says something new.
int Drain(const Options& options, const Context& context) {
  std::string told;
  while (true) {
    const auto response =
        context.request("POST", options.force ? "/api/v1/drain?force" : "/api/v1/drain");
    if (!response.ok()) return Complain(context, response.status());
    const bool refused = response->status != 200 && response->status != 202;
    if (response->body != told)
      (refused ? context.err : context.out) << response->body << std::flush;
    if (refused) return kExitFailed;
    if (response->status == 200 || !options.wait) return kExitOk;
    told = response->body;
    context.pause();
  }
}

// What is done at once, or refused.
int Tell(const Context& context, std::string_view path) {
  const auto response = context.request("POST", path);
  if (!response.ok()) return Complain(context, response.status());
  (response->status == 200 ? context.out : context.err) << response->body;
  return response->status == 200 ? kExitOk : kExitFailed;
}

}  // namespace

int Run(const Options& options, const Context& context) {
  switch (options.command) {
    case Command::kStatus:
      return Status(context);
    case Command::kDrain:
      return Drain(options, context);
    case Command::kResume:
      return Tell(context, "/api/v1/resume");
    case Command::kForceServe:
      return Tell(context, "/api/v1/force-serve");
  }
  return kExitUsage;
}

}  // namespace tandem::tandemctl
