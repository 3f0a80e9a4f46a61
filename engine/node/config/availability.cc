#include "engine/node/config/availability.h"

#include <string>
#include <string_view>

namespace tandem::config {
namespace {

// One key that asks for something missing.
struct Row {
  std::string_view path;
  std::string_view what;  // "<what> not available in this version"
  bool (*asked_for)(const Config&,
                    std::size_t index);  // index of the listener, where the path has one
};

const ListenerConfig& Listener(const Config& config, std::size_t index) {
  return config.listeners.at(index);
}

constexpr Row kRows[] = {
    {"listener.#.protocol", "WebSocket listeners are",
     [](const Config& c, std::size_t i) {
       return Listener(c, i).protocol == ListenerProtocol::kWebSocket;
     }},
    {"listener.#.websocket_path", "WebSocket listeners are",
     [](const Config& c, std::size_t i) { return !Listener(c, i).websocket_path.empty(); }},
    {"listener.#.tls.certificate", "TLS is",
     [](const Config& c, std::size_t i) { return !Listener(c, i).tls.certificate.empty(); }},
    {"listener.#.tls.key", "TLS is",
     [](const Config& c, std::size_t i) { return !Listener(c, i).tls.key.empty(); }},
    {"listener.#.tls.client_ca", "TLS is",
     [](const Config& c, std::size_t i) { return !Listener(c, i).tls.client_ca.empty(); }},
    {"listener.#.proxy_protocol", "the PROXY protocol is",
     [](const Config& c, std::size_t i) {
       return Listener(c, i).proxy_protocol != ProxyProtocol::kOff;
     }},
    {"admin.users_file", "logging in to the admin port is",
     [](const Config& c, std::size_t) { return !c.admin.users_file.empty(); }},
    {"auth.users_file", "authentication by users file is",
     [](const Config& c, std::size_t) { return !c.auth.users_file.empty(); }},
    {"auth.acl_file", "access control is",
     [](const Config& c, std::size_t) { return !c.auth.acl_file.empty(); }},
    {"auth.allow_anonymous",
     "refusing clients without credentials (auth.allow_anonymous = false) is",
     [](const Config& c, std::size_t) { return !c.auth.allow_anonymous; }},
    {"durability.ack_after", "acknowledging after anything but \"peer\" is",
     [](const Config& c, std::size_t) { return c.durability.ack_after != AckAfter::kPeer; }},
};

void Check(const Row& row, const std::string& path, std::size_t index, const Config& config,
           const Settings& settings, std::vector<Problem>& problems) {
  if (!row.asked_for(config, index)) return;
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
