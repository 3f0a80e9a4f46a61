#include "tools/tandem-demo/haproxy_config.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "engine/reactor/owned_fd.h"

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

std::string ToText(const std::vector<CableEnd>& cable, const std::string& control_socket) {
  std::string text =
      absl::StrCat("global\n    stats socket ", control_socket, " mode 600 level admin\n");
  text +=
      "\ndefaults\n    mode tcp\n    timeout connect 200ms\n    timeout client 3h\n"
      "    timeout server 3h\n";
  for (const CableEnd& end : cable)
    absl::StrAppend(&text, "\nlisten ", end.name, "\n    bind ", end.from, "\n    server ",
                    end.name, " ", end.to, "\n");
  return text;
}

absl::Status Command(const std::string& control_socket, const std::string& command) {
  const auto failed = [&](const char* what) {
    return absl::UnavailableError(absl::StrCat(control_socket, ": ", what, ": ", strerror(errno)));
  };
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (control_socket.size() >= sizeof address.sun_path)
    return absl::InvalidArgumentError(absl::StrCat(control_socket, " is too long for a socket"));
  control_socket.copy(address.sun_path, sizeof address.sun_path - 1);
  const reactor::OwnedFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid() ||
      connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return failed("connect");
  const std::string line = command + "\n";
  if (send(fd.get(), line.data(), line.size(), MSG_NOSIGNAL) != std::ssize(line))
    return failed("send");
  // It answers when it has done it, with an empty line if all is well.
  char answer[256];
  if (recv(fd.get(), answer, sizeof answer, 0) <= 0) return failed("no answer");
  return absl::OkStatus();
}

}  // namespace tandem::demo
