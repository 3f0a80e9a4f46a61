#include "engine/node/access_log.h"

#include <string>
#include <string_view>

#include "engine/base/log.h"
#include "proto/mqtt/reason_code.h"

namespace tandem::node {
namespace {

std::string_view VersionName(mqtt::Version version) noexcept {
  switch (version) {
    case mqtt::Version::k31:
      return "3.1";
    case mqtt::Version::k311:
      return "3.1.1";
    case mqtt::Version::k5:
      return "5.0";
  }
  return "";
}

}  // namespace

void WriteAccessLine(const broker::AccessEvent& event, CoreId core, const reactor::Endpoint* peer) {
  using Kind = broker::AccessEvent::Kind;
  const std::string address = peer != nullptr ? reactor::ToString(*peer) : std::string();
  const LogField client{"client", event.client_id};
  const LogField from{"address", address};
  const LogField on{"core", Index(core)};
  switch (event.kind) {
    case Kind::kConnect:
      return LogAccess("connect", {client,
                                   from,
                                   on,
                                   {"version", VersionName(event.version)},
                                   {"session_present", event.session_present}});
    case Kind::kRefuse:
      return LogAccess("refuse", {client,
                                  from,
                                  on,
                                  {"code", static_cast<unsigned>(event.code)},
                                  {"reason", event.detail}});
    case Kind::kDisconnect:
      return LogAccess(
          "disconnect",
          {client,
           from,
           on,
           {"reason",
            metrics::kLabelValues<metrics::CloseReason>[static_cast<std::size_t>(event.reason)]},
           {"code", static_cast<unsigned>(event.code)},
           {"detail", event.detail}});
    case Kind::kSubscribe:
      return LogAccess("subscribe", {client,
                                     from,
                                     on,
                                     {"filter", event.filter},
                                     {"code", static_cast<unsigned>(event.code)}});
    case Kind::kUnsubscribe:
      return LogAccess("unsubscribe", {client, from, on, {"filter", event.filter}});
  }
}

}  // namespace tandem::node
