#include "engine/node/admin/admin_server.h"

#include <arpa/inet.h>
#include <kj/async-io.h>
#include <kj/compat/http.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <list>
#include <string>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/log.h"
#include "engine/base/status.h"
#include "engine/node/admin/routes.h"
#include "engine/reactor/owned_fd.h"

namespace tandem::admin {
namespace {

constexpr int kBacklog = 128;
constexpr std::size_t kUrlBytesMax = 1024;

// A socket address as the kernel takes it.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

SocketAddress ToSocketAddress(const config::Address& address) {
  SocketAddress out;
  if (address.is_ipv6()) {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&out.storage);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(address.port);
    inet_pton(AF_INET6, address.ip.c_str(), &v6->sin6_addr);
    out.length = sizeof *v6;
  } else {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&out.storage);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(address.port);
    inet_pton(AF_INET, address.ip.c_str(), &v4->sin_addr);
    out.length = sizeof *v4;
  }
  return out;
}

std::uint16_t PortOf(const SocketAddress& address) {
  return ntohs(address.storage.ss_family == AF_INET6
                   ? reinterpret_cast<const sockaddr_in6*>(&address.storage)->sin6_port
                   : reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_port);
}

// What to do about each way in which listening fails.
std::string Advice(int error) {
  switch (error) {
    case EADDRINUSE:
      return "; another process has it (a second tandemd?): stop it, or change admin.address";
    case EADDRNOTAVAIL:
      return "; this host does not have that address: change admin.address";
    case EACCES:
      return "; ports below 1024 need a privilege: change admin.address";
    default:
      return "";
  }
}

absl::Status ListenError(const config::Address& address, int error) {
  return absl::UnavailableError("cannot serve HTTP for operators on " + config::ToString(address) +
                                ": " + std::strerror(error) + Advice(error));
}

absl::StatusOr<int> Listen(const config::Address& address) {
  const SocketAddress at = ToSocketAddress(address);
  const int fd = socket(at.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return ListenError(address, errno);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, at.get(), at.length) != 0 || listen(fd, kBacklog) != 0) {
    const int error = errno;
    close(fd);
    return ListenError(address, error);
  }
  return fd;
}

absl::StatusOr<int> ListenForControl(const std::string& name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // Abstract: a zero byte in the place of the @, and no file that could stay behind.
  name.copy(address.sun_path + 1, sizeof address.sun_path - 1, 1);
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd >= 0 && bind(fd, reinterpret_cast<const sockaddr*>(&address), length) == 0 &&
      listen(fd, kBacklog) == 0)
    return fd;
  const int error = errno;
  if (fd >= 0) close(fd);
  return absl::UnavailableError("cannot listen for tandemctl on " + name + ": " +
                                std::strerror(error));
}

// Root, or whoever the node runs as: they could do worse than drain it.
bool MayControl(kj::AsyncIoStream& stream) {
  ucred peer{};
  kj::uint size = sizeof peer;
  stream.getsockopt(SOL_SOCKET, SO_PEERCRED, &peer, &size);
  return size == sizeof peer && (peer.uid == 0 || peer.uid == geteuid());
}

kj::StringPtr Kj(std::string_view text) {
  return kj::StringPtr(text.data(), text.size());
}  // text must end in 0

// Renders routes.h's answers.
class Service final : public kj::HttpService {
 public:
  Service(const Callbacks& callbacks, const kj::HttpHeaderTable& headers,
          kj::HttpHeaderId cache_control, kj::HttpHeaderId content_type_options, kj::Timer& timer,
          kj::Duration timeout, bool control)
      : control_(control),
        callbacks_(callbacks),
        headers_(headers),
        cache_control_(cache_control),
        content_type_options_(content_type_options),
        timer_(timer),
        timeout_(timeout) {}

  kj::Promise<void> request(kj::HttpMethod method, kj::StringPtr url, const kj::HttpHeaders&,
                            kj::AsyncInputStream&, Response& response) override {
    const bool head = method == kj::HttpMethod::HEAD;
    if (control_ && method == kj::HttpMethod::POST && url.size() <= kUrlBytesMax)
      return Send(Post({url.begin(), url.size()}, callbacks_), false, response);
    if (method != kj::HttpMethod::GET && !head) return Send(MethodNotAllowed(), false, response);
    if (url.size() > kUrlBytesMax) return Send(Get("", callbacks_), head, response);
    return Send(Get({url.begin(), url.size()}, callbacks_), head, response);
  }

 private:
  kj::Promise<void> Send(Answer answer, bool head, Response& response) {
    kj::HttpHeaders headers(headers_);
    headers.set(kj::HttpHeaderId::CONTENT_TYPE, Kj(answer.content_type));
    headers.set(cache_control_, "no-store");
    headers.set(content_type_options_, "nosniff");
    auto stream = response.send(answer.code, Kj(answer.reason), headers, answer.body.size());
    if (head) return kj::READY_NOW;
    auto body = kj::heap<std::string>(std::move(answer.body));
    auto written = stream->write(body->data(), body->size());
    return timer_.timeoutAfter(timeout_, written.attach(kj::mv(body), kj::mv(stream)));
  }

  const bool control_;  // POST may change something
  const Callbacks& callbacks_;
  const kj::HttpHeaderTable& headers_;
  const kj::HttpHeaderId cache_control_;
  const kj::HttpHeaderId content_type_options_;
  kj::Timer& timer_;
  const kj::Duration timeout_;
};

// A client that sends nonsense or goes away is daily business: no line on stderr.
class QuietErrors final : public kj::HttpServerErrorHandler {
 public:
  kj::Promise<void> handleApplicationError(kj::Exception exception,
                                           kj::Maybe<kj::HttpService::Response&>) override {
    Log(LogLevel::kDebug, "admin request failed",
        {{"error", std::string(exception.getDescription().cStr())}});
    return kj::READY_NOW;
  }
};

// One request per connection: works alike for HTTP/1.0 checkers and browsers, and nothing idle
// stays open.
class OneRequest final : public kj::HttpServerCallbacks {
 public:
  bool shouldClose() override { return true; }
};

// Accepts and keeps the connections of one server, bounded. Lives on the server's thread.
class Connections {
 public:
  // `may_enter`: whether a connection is served at all.
  Connections(kj::HttpServer& server, kj::Timer& timer, std::size_t connections_max,
              bool (*may_enter)(kj::AsyncIoStream&))
      : server_(server), timer_(timer), connections_max_(connections_max), may_enter_(may_enter) {}

  // Never ends by itself.
  kj::Promise<void> AcceptLoop(kj::ConnectionReceiver& port) {
    return port.accept()
        .then(
            [this](kj::Own<kj::AsyncIoStream> stream) -> kj::Promise<void> {
              if (may_enter_(*stream)) Add(kj::mv(stream));
              return kj::READY_NOW;
            },
            [this](kj::Exception exception) -> kj::Promise<void> {
              // Out of descriptors or memory: try again a little later.
              Log(LogLevel::kWarn, "admin port cannot take a connection",
                  {{"error", std::string(exception.getDescription().cStr())}});
              return timer_.afterDelay(100 * kj::MILLISECONDS);
            })
        .then([this, &port] { return AcceptLoop(port); });
  }

 private:
  struct Open {
    kj::Promise<void> done = nullptr;
    bool ended = false;
  };

  void Add(kj::Own<kj::AsyncIoStream> stream) {
    open_.remove_if([](const Open& open) { return open.ended; });
    if (open_.size() >= connections_max_) open_.pop_front();
    Open& open = open_.emplace_back();
    const auto end = [&open] { open.ended = true; };
    open.done = server_.listenHttp(kj::mv(stream))
                    .then([end] { end(); }, [end](kj::Exception) { end(); })
                    .eagerlyEvaluate(nullptr);
  }

  kj::HttpServer& server_;
  kj::Timer& timer_;
  const std::size_t connections_max_;
  bool (*const may_enter_)(kj::AsyncIoStream&);
  std::list<Open> open_;  // oldest first; an entry may not be destroyed by its own promise, so
                          // ended ones wait for Add
};

kj::Duration ToKj(std::int64_t ns) { return ns * kj::NANOSECONDS; }

}  // namespace

absl::StatusOr<std::unique_ptr<AdminServer>> AdminServer::Start(const Options& options,
                                                                Callbacks callbacks) {
  reactor::OwnedFd listening;
  reactor::OwnedFd control;
  TANDEM_ASSIGN_OR_RETURN(const int listen_fd, Listen(options.address));
  listening = reactor::OwnedFd(listen_fd);
  reactor::OwnedFd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  SocketAddress bound;
  bound.length = sizeof bound.storage;
  if (wake.get() < 0 || getsockname(listen_fd, bound.get(), &bound.length) != 0)
    return ListenError(options.address, errno);
  const std::uint16_t port = PortOf(bound);
  if (options.control) {
    TANDEM_ASSIGN_OR_RETURN(const int control_fd,
                            ListenForControl(ControlSocketOf({options.address.ip, port})));
    control = reactor::OwnedFd(control_fd);
  }
  return std::unique_ptr<AdminServer>(new AdminServer(options, std::move(callbacks),
                                                      {.listen_fd = listening.Release(),
                                                       .control_fd = control.Release(),
                                                       .wake_fd = wake.Release()},
                                                      port));
}

AdminServer::AdminServer(const Options& options, Callbacks callbacks,
                         const Descriptors& descriptors, std::uint16_t port)
    : options_(options),
      callbacks_(std::move(callbacks)),
      wake_fd_(descriptors.wake_fd),
      port_(port) {
  thread_ = std::thread([this, descriptors] {
    try {
      Run(descriptors);
    } catch (const kj::Exception& exception) {
      // The node serves on without figures; nothing of it depends on this thread.
      Log(LogLevel::kError, "admin port failed",
          {{"error", std::string(exception.getDescription().cStr())}});
    }
  });
}

AdminServer::~AdminServer() {
  const std::uint64_t one = 1;
  TANDEM_CHECK(write(wake_fd_, &one, sizeof one) == sizeof one);
  thread_.join();
  close(wake_fd_);
}

void AdminServer::Run(const Descriptors& descriptors) {
  // Signals are the main thread's. KJ keeps SIGUSR1 for itself, so that one stays open here.
  sigset_t signals;
  sigfillset(&signals);
  sigdelset(&signals, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  kj::AsyncIoContext io = kj::setupAsyncIo();
  kj::Timer& timer = io.provider->getTimer();
  kj::HttpHeaderTable::Builder table;
  const kj::HttpHeaderId cache_control = table.add("Cache-Control");
  const kj::HttpHeaderId content_type_options = table.add("X-Content-Type-Options");
  const kj::Own<kj::HttpHeaderTable> headers = table.build();
  QuietErrors errors;
  kj::HttpServerSettings settings;
  settings.headerTimeout = ToKj(options_.request_timeout_ns);
  settings.pipelineTimeout =
      1 * kj::MILLISECONDS;  // kj-http 0.9 waits this long even after Connection: close
  settings.canceledUploadGracePeriod = 10 * kj::MILLISECONDS;
  settings.errorHandler = errors;
  OneRequest one_request;
  settings.callbacks = one_request;
  const auto make_service = [&](bool control) {
    return Service(callbacks_, *headers, cache_control, content_type_options, timer,
                   ToKj(options_.response_timeout_ns), control);
  };
  constexpr kj::uint kOwned = kj::LowLevelAsyncIoProvider::TAKE_OWNERSHIP |
                              kj::LowLevelAsyncIoProvider::ALREADY_CLOEXEC |
                              kj::LowLevelAsyncIoProvider::ALREADY_NONBLOCK;
  auto wake = io.lowLevelProvider->wrapInputFd(
      descriptors.wake_fd,
      kj::LowLevelAsyncIoProvider::ALREADY_CLOEXEC | kj::LowLevelAsyncIoProvider::ALREADY_NONBLOCK);
  std::uint64_t count = 0;
  kj::Promise<void> ended = wake->read(&count, sizeof count);

  Service looks = make_service(false);
  kj::HttpServer looks_server(timer, *headers, looks, settings);
  auto port = io.lowLevelProvider->wrapListenSocketFd(descriptors.listen_fd, kOwned);
  Connections lookers(looks_server, timer, options_.connections_max,
                      [](kj::AsyncIoStream&) { return true; });
  ended = ended.exclusiveJoin(lookers.AcceptLoop(*port));
  if (descriptors.control_fd < 0) return ended.wait(io.waitScope);

  Service acts = make_service(true);
  kj::HttpServer acts_server(timer, *headers, acts, settings);
  auto control = io.lowLevelProvider->wrapListenSocketFd(descriptors.control_fd, kOwned);
  Connections operators(acts_server, timer, options_.connections_max, MayControl);
  ended.exclusiveJoin(operators.AcceptLoop(*control)).wait(io.waitScope);
}

std::string ControlSocketOf(const config::Address& address) {
  return "@tandem-" + config::ToString(address);
}

}  // namespace tandem::admin
