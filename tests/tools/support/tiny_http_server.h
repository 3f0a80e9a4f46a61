// An HTTP server for tests: fixed answers, connections left open as servers with keep-alive do.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "engine/reactor/owned_fd.h"

namespace tandem::tools {

// Listens on loopback from construction to destruction.
class TinyHttpServer {
 public:
  TinyHttpServer() : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const plain = reinterpret_cast<sockaddr*>(&address);
    if (bind(listener_.get(), plain, size) != 0 || listen(listener_.get(), 16) != 0 ||
        getsockname(listener_.get(), plain, &size) != 0)
      throw std::runtime_error("cannot listen");
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Run(); });
  }
  ~TinyHttpServer() {
    shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }
  TinyHttpServer(const TinyHttpServer&) = delete;
  TinyHttpServer& operator=(const TinyHttpServer&) = delete;

  std::uint16_t port() const { return port_; }
  // What is asked from now on; other paths are answered with 404.
  void Answer(const std::string& path, int status, const std::string& body) {
    const std::lock_guard lock(mutex_);
    answers_[path] = {status, body};
  }
  // Connections are taken and nothing is said.
  void StaySilent() {
    const std::lock_guard lock(mutex_);
    silent_ = true;
  }

 private:
  void Run() {
    std::vector<reactor::OwnedFd> open;
    while (true) {
      reactor::OwnedFd client(accept(listener_.get(), nullptr, nullptr));
      if (!client.valid()) return;
      std::string request;
      char block[1024];
      while (request.find("\r\n\r\n") == std::string::npos) {
        const ssize_t got = recv(client.get(), block, sizeof block, 0);
        if (got <= 0) break;
        request.append(block, static_cast<std::size_t>(got));
      }
      const std::string response = Response(request);
      send(client.get(), response.data(), response.size(), MSG_NOSIGNAL);
      open.push_back(std::move(client));
    }
  }
  // "GET /path HTTP/1.1 ..."
  std::string Response(const std::string& request) {
    const std::lock_guard lock(mutex_);
    if (silent_) return "";
    const std::size_t begin = request.find(' ') + 1;
    const auto found = answers_.find(request.substr(begin, request.find(' ', begin) - begin));
    const auto [status, body] =
        found == answers_.end() ? std::pair<int, std::string>{404, ""} : found->second;
    return "HTTP/1.1 " + std::to_string(status) +
           " X\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }

  reactor::OwnedFd listener_;
  std::uint16_t port_ = 0;
  std::mutex mutex_;
  std::map<std::string, std::pair<int, std::string>> answers_;
  bool silent_ = false;
  std::thread thread_;
};

}  // namespace tandem::tools
