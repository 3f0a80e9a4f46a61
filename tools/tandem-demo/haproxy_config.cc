#include "tools/tandem-demo/haproxy_config.h"

#include "absl/strings/str_cat.h"

namespace tandem::demo {
namespace {

std::string Global(const HaproxyConfig& config) {
  std::string text = absl::StrCat(
      "global\n"
      "    maxconn ",
      config.connections_max,
      "   # needs a descriptor limit (LimitNOFILE) of twice this and some\n");
  if (!config.stats_socket.empty())
    absl::StrAppend(&text, "    stats socket ", config.stats_socket, " mode 660 level admin\n");
  return text + "    log stdout format raw local0 info\n";
}

constexpr char kDefaults[] = R"(
defaults
    mode tcp
    log global
    option tcplog
    option dontlognull
    option redispatch
    retries 3
    timeout connect 200ms       # the nodes are near; also the pause before a refused connection is tried again
    timeout check   500ms
    timeout client  3h          # above 1.5 x the longest keep alive
    timeout server  3h
)";

constexpr char kBackend[] = R"(
backend tandem
    balance roundrobin          # any node serves any client: no stickiness needed
    option httpchk GET /health/ready
    http-check expect status 200
    http-check disable-on-404   # 404 = draining: keeps what is open, sends nothing new
    default-server check inter 500ms fastinter 100ms downinter 200ms fall 2 rise 1 on-marked-down shutdown-sessions
)";

std::string Server(const HaproxyServer& server) {
  return absl::StrCat("    server ", server.name, " ", server.address, " port ", server.admin_port,
                      server.proxy_protocol ? " send-proxy-v2" : "", "\n");
}

}  // namespace

std::string ToText(const HaproxyConfig& config) {
  std::string text = Global(config);
  absl::StrAppend(&text, kDefaults, "\nfrontend mqtt\n    bind ", config.bind,
                  "\n    default_backend tandem\n", kBackend);
  for (const HaproxyServer& server : config.servers) text += Server(server);
  return text;
}

}  // namespace tandem::demo
