#include "engine/node/config/availability.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>

namespace tandem::config {
namespace {

constexpr std::string_view kRefused = "Not available in this version.";
constexpr std::string_view kWithoutEffect = "Without effect in this version.";

// One key that may ask for something missing.
struct Row {
  std::string_view path;
  std::string_view note;  // for the reference
  std::string_view what;  // "<what> not available in this version"
  // Null where nobody is misled by a value. `index` of the listener, where the path has one.
  bool (*asked_for)(const Config&, std::size_t index) = nullptr;
};

const ListenerConfig& Listener(const Config& config, std::size_t index) {
  return config.listeners.at(index);
}

constexpr Row kRows[] = {
    {"listener.#.protocol", "In this version only \"tcp\".", "WebSocket listeners are",
     [](const Config& c, std::size_t i) {
       return Listener(c, i).protocol == ListenerProtocol::kWebSocket;
     }},
    {"listener.#.websocket_path", kRefused, "WebSocket listeners are",
     [](const Config& c, std::size_t i) { return !Listener(c, i).websocket_path.empty(); }},
    {"listener.#.tls.certificate", kRefused, "TLS is",
     [](const Config& c, std::size_t i) { return !Listener(c, i).tls.certificate.empty(); }},
    {"listener.#.tls.key", kRefused, "TLS is",
     [](const Config& c, std::size_t i) { return !Listener(c, i).tls.key.empty(); }},
    {"listener.#.tls.client_ca", kRefused, "TLS is",
     [](const Config& c, std::size_t i) { return !Listener(c, i).tls.client_ca.empty(); }},
    {"listener.#.tls.min_version", kWithoutEffect, ""},
    {"listener.#.proxy_protocol", "In this version only \"off\".", "the PROXY protocol is",
     [](const Config& c, std::size_t i) {
       return Listener(c, i).proxy_protocol != ProxyProtocol::kOff;
     }},
    {"listener.#.trusted_proxies", kWithoutEffect, ""},
    {"admin.users_file", kRefused, "logging in to the admin port is",
     [](const Config& c, std::size_t) { return !c.admin.users_file.empty(); }},
    {"auth.users_file", kRefused, "authentication by users file is",
     [](const Config& c, std::size_t) { return !c.auth.users_file.empty(); }},
    {"auth.acl_file", kRefused, "access control is",
     [](const Config& c, std::size_t) { return !c.auth.acl_file.empty(); }},
    {"auth.allow_anonymous", "In this version it has to be true.",
     "refusing clients without credentials (auth.allow_anonymous = false) is",
     [](const Config& c, std::size_t) { return !c.auth.allow_anonymous; }},
    {"durability.ack_after", "In this version only \"peer\".",
     "acknowledging after anything but \"peer\" is",
     [](const Config& c, std::size_t) { return c.durability.ack_after != AckAfter::kPeer; }},
    {"durability.flush_interval", kWithoutEffect, ""},
};

void Check(const Row& row, const std::string& path, std::size_t index, const Config& config,
           const Settings& settings, std::vector<Problem>& problems) {
  if (row.asked_for == nullptr || !row.asked_for(config, index)) return;
  const auto setting = settings.find(path);
  std::string reason = path + ": " + std::string(row.what) + " not available in this version";
  if (path == "auth.allow_anonymous") {
    reason += "; set auth.allow_anonymous = true to let every client in";
    if (setting == settings.end()) {
      reason += " (false is the default with a configuration file or a listener beyond loopback)";
    }
  }
  problems.push_back(
      {setting == settings.end() ? Origin{} : setting->second.origin, std::move(reason)});
}

}  // namespace

std::string_view AvailabilityOf(std::string_view pattern) {
  const auto* const row = std::find_if(std::begin(kRows), std::end(kRows),
                                       [&](const Row& r) { return r.path == pattern; });
  return row == std::end(kRows) ? std::string_view{} : row->note;
}

void RefuseUnavailable(const Config& config, const Settings& settings,
                       std::vector<Problem>& problems) {
  for (const Row& row : kRows) {
    const std::size_t hash = row.path.find('#');
    if (hash == std::string_view::npos) {
      Check(row, std::string(row.path), 0, config, settings, problems);
      continue;
    }
    for (std::size_t i = 0; i < config.listeners.size(); ++i) {
      Check(row, std::string(row.path).replace(hash, 1, std::to_string(i)), i, config, settings,
            problems);
    }
  }
}

}  // namespace tandem::config
