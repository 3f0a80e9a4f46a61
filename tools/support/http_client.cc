#include "tools/support/http_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"
#include "engine/base/strings.h"
#include "engine/reactor/owned_fd.h"

namespace tandem::tools {
namespace {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::size_t kResponseBytesMax = 16 << 20;

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

// Value of a header, in lower case; empty if it is not there. `headers` ends in a line end.
std::string Header(std::string_view headers, std::string_view name) {
  const std::string lower = Lower(headers);
  const std::size_t at = lower.find(absl::StrCat(ToAbsl(kLineEnd), ToAbsl(name), ":"));
  if (at == std::string::npos) return "";
  std::size_t begin = at + kLineEnd.size() + name.size() + 1;
  while (begin < lower.size() && lower[begin] == ' ') ++begin;
  return lower.substr(begin, lower.find(kLineEnd, begin) - begin);
}

std::optional<std::size_t> ParseSize(std::string_view text, int base) {
  std::size_t size = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size, base);
  if (error != std::errc{} || end == text.data()) return std::nullopt;
  return size;
}

// chunk-size CRLF bytes CRLF ... 0 CRLF (RFC 9112, 7.1)
std::optional<std::string> Dechunk(std::string_view rest) {
  std::string body;
  while (true) {
    const std::size_t line = rest.find(kLineEnd);
    const auto size = ParseSize(rest, 16);
    if (line == std::string_view::npos || !size) return std::nullopt;
    rest.remove_prefix(line + kLineEnd.size());
    if (*size == 0) return body;
    if (rest.size() < kLineEnd.size() || rest.size() - kLineEnd.size() < *size) return std::nullopt;
    body += rest.substr(0, *size);
    rest.remove_prefix(*size + kLineEnd.size());
  }
}

// Readable or writable before `deadline`.
bool Ready(int fd, short events, TimePoint deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
  pollfd wanted{fd, events, 0};
  return left.count() > 0 && poll(&wanted, 1, static_cast<int>(left.count())) == 1;
}

absl::StatusOr<reactor::OwnedFd> Connect(int domain, const sockaddr* address, socklen_t length,
                                         TimePoint deadline) {
  reactor::OwnedFd fd(socket(domain, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  int error = 0;
  socklen_t size = sizeof error;
  if (connect(fd.get(), address, length) != 0) error = errno;
  if (error == EINPROGRESS) {
    if (!Ready(fd.get(), POLLOUT, deadline)) return absl::UnavailableError("no answer");
    getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  }
  if (error != 0) return absl::UnavailableError(std::strerror(error));
  return fd;
}

// The response says itself where it ends, and all of it is there: the server may keep the
// connection open.
bool Complete(std::string_view text) {
  const std::string_view head = text.substr(0, text.find("\r\n\r\n"));
  return (!Header(head, "content-length").empty() || !Header(head, "transfer-encoding").empty()) &&
         ParseHttpResponse(text).has_value();
}

absl::StatusOr<std::string> ReadToEnd(int fd, TimePoint deadline) {
  std::string text;
  char block[16 * 1024];
  while (text.size() < kResponseBytesMax) {
    if (Complete(text)) return text;
    if (!Ready(fd, POLLIN, deadline)) return absl::UnavailableError("no answer");
    const ssize_t got = recv(fd, block, sizeof block, 0);
    if (got < 0) return absl::UnavailableError(std::strerror(errno));
    if (got == 0) return text;
    text.append(block, static_cast<std::size_t>(got));
  }
  return absl::UnavailableError("the answer does not end");
}

absl::StatusOr<HttpResponse> Exchange(int fd, std::string_view method, std::string_view path,
                                      std::string_view host, TimePoint deadline) {
  const std::string request = absl::StrCat(
      ToAbsl(method), " ", ToAbsl(path), " HTTP/1.1\r\nHost: ", ToAbsl(host),
      method == "POST" ? "\r\nContent-Length: 0" : "", "\r\nConnection: close\r\n\r\n");
  if (send(fd, request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size()))
    return absl::UnavailableError("the request could not be sent");
  TANDEM_ASSIGN_OR_RETURN(const std::string text, ReadToEnd(fd, deadline));
  if (text.empty()) return absl::PermissionDeniedError("closed without an answer");
  auto response = ParseHttpResponse(text);
  if (!response) return absl::UnavailableError("the answer is no HTTP response");
  return *std::move(response);
}

}  // namespace

std::optional<HttpResponse> ParseHttpResponse(std::string_view text) {
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string_view::npos || !text.starts_with("HTTP/1.")) return std::nullopt;
  const std::string_view head = text.substr(0, end + kLineEnd.size());
  std::string_view body = text.substr(end + 2 * kLineEnd.size());
  const std::size_t space = head.find(' ');
  const auto status = space < head.size() ? ParseSize(head.substr(space + 1), 10) : std::nullopt;
  if (!status) return std::nullopt;

  HttpResponse response{.status = static_cast<int>(*status), .body = {}};
  if (Header(head, "transfer-encoding") == "chunked") {
    auto whole = Dechunk(body);
    if (!whole) return std::nullopt;
    response.body = *std::move(whole);
    return response;
  }
  if (const auto size = ParseSize(Header(head, "content-length"), 10)) {
    if (body.size() < *size) return std::nullopt;
    body = body.substr(0, *size);
  }
  response.body = body;
  return response;
}

absl::StatusOr<HttpResponse> HttpGet(std::uint16_t port, std::string_view path,
                                     std::chrono::milliseconds timeout) {
  const TimePoint deadline = Clock::now() + timeout;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  TANDEM_ASSIGN_OR_RETURN(
      const reactor::OwnedFd fd,
      Connect(AF_INET, reinterpret_cast<const sockaddr*>(&address), sizeof address, deadline));
  return Exchange(fd.get(), "GET", path, absl::StrCat("127.0.0.1:", port), deadline);
}

absl::StatusOr<HttpResponse> HttpOverUnix(std::string_view name, std::string_view method,
                                          std::string_view path,
                                          std::chrono::milliseconds timeout) {
  const TimePoint deadline = Clock::now() + timeout;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (name.size() < 2 || name.front() != '@' || name.size() > sizeof address.sun_path)
    return absl::InvalidArgumentError(absl::StrCat("no abstract socket: ", ToAbsl(name)));
  name.copy(address.sun_path + 1, sizeof address.sun_path - 1, 1);
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  TANDEM_ASSIGN_OR_RETURN(
      const reactor::OwnedFd fd,
      Connect(AF_UNIX, reinterpret_cast<const sockaddr*>(&address), length, deadline));
  return Exchange(fd.get(), method, path, "tandem", deadline);
}

}  // namespace tandem::tools
