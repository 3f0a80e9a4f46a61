// The operator's HTTP port, on a thread of its own: slow, hostile or many HTTP clients cost the
// engine nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "engine/node/admin/status.h"
#include "engine/node/config/address.h"

namespace tandem::admin {

struct Options {
  config::Address address{"127.0.0.1", 9883};  // port 0: the kernel chooses, see AdminServer::port
  // Whether this node can be told to do something: by POST on an abstract Unix socket of the name
  // ControlSocketOf(address), and only by root or the user that the node runs as.
  bool control = false;
  // When this many connections are open, the oldest gives way to a new one: half-open ones cannot
  // lock anybody out.
  std::size_t connections_max = 64;
  // For a whole request header, from connecting on.
  std::int64_t request_timeout_ns = 5'000'000'000;
  // For the client to take the whole answer.
  std::int64_t response_timeout_ns = 10'000'000'000;
};

// "@tandem-127.0.0.1:9883": what `ss -xl` shows, for the socket beside the port `address`.
std::string ControlSocketOf(const config::Address& address);

// One per node. Answers one request per connection, GET and HEAD of the paths in routes.h. A
// request header may have up to 128 KiB (kj-http's bound); bodies are not read.
class AdminServer {
 public:
  // Listens and starts the thread. The error names the address and what to do.
  static absl::StatusOr<std::unique_ptr<AdminServer>> Start(const Options& options,
                                                            Callbacks callbacks);

  // Closes the port and all connections and ends the thread; callbacks are not called any more
  // then. From any thread but the server's own.
  ~AdminServer();
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  // Where it listens; the kernel's choice if Options asked for port 0.
  std::uint16_t port() const noexcept { return port_; }

 private:
  // The descriptors that the server's thread takes over; control_fd is -1 without control.
  struct Descriptors {
    int listen_fd = -1;
    int control_fd = -1;
    int wake_fd = -1;
  };
  AdminServer(const Options& options, Callbacks callbacks, const Descriptors& descriptors,
              std::uint16_t port);
  void Run(const Descriptors& descriptors);

  const Options options_;
  const Callbacks callbacks_;
  const int wake_fd_;  // eventfd; readable: end
  const std::uint16_t port_;
  std::thread thread_;
};

}  // namespace tandem::admin
