#include "engine/node/admin/admin_server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace tandem::admin {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr int kPatienceMs = 10'000;

// A client made of a plain socket, so that it can also misbehave.
class Client {
 public:
  explicit Client(std::uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  // `control`: the abstract Unix socket of a server.
  explicit Client(const std::string& control)
      : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    control.copy(address.sun_path + 1, sizeof address.sun_path - 1, 1);
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + control.size());
    connected_ = connect(fd_, reinterpret_cast<const sockaddr*>(&address), size) == 0;
  }
  Client(Client&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), connected_(other.connected_) {}
  ~Client() {
    if (fd_ >= 0) close(fd_);
  }

  bool connected() const { return connected_; }
  // False if the other side has closed, or takes nothing in time.
  bool TrySend(std::string_view bytes) {
    pollfd wait{fd_, POLLOUT, 0};
    return poll(&wait, 1, kPatienceMs) == 1 &&
           send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
               static_cast<ssize_t>(bytes.size());
  }
  void Send(std::string_view bytes) { ASSERT_TRUE(TrySend(bytes)); }

  // Reads what has come, waiting for it; false at the end, or if nothing comes in time.
  bool ReadOnce(std::string& out) {
    pollfd wait{fd_, POLLIN, 0};
    timed_out_ = poll(&wait, 1, kPatienceMs) != 1;
    if (timed_out_) return false;
    std::array<char, 16384> block;
    const ssize_t count = recv(fd_, block.data(), block.size(), 0);
    if (count <= 0) return false;
    out.append(block.data(), static_cast<std::size_t>(count));
    return true;
  }
  // Reads until the other side closes; false if it does not in time.
  bool ReadToEnd(std::string& out) {
    while (ReadOnce(out)) {
    }
    return !timed_out_;
  }
  // Reads until `text` has come; false if it does not.
  bool ReadUntil(std::string_view text, std::string& out) {
    while (out.find(text) == std::string::npos) {
      if (!ReadOnce(out)) return false;
    }
    return true;
  }

 private:
  int fd_;
  bool connected_ = false;
  bool timed_out_ = false;
};

class AdminServerTest : public ::testing::Test {
 protected:
  void Start(Options options = {}) {
    options.address.port = 0;
    auto started =
        AdminServer::Start(options, Callbacks{[this] {
                                                ++scrapes_;
                                                return metrics_;
                                              },
                                              [this] { return NodeStatus{.state = state_.load()}; },
                                              [] { return ClusterStatus{}; },
                                              [this](bool force) {
                                                state_ = NodeState::kDraining;
                                                return Outcome{force, "draining"};
                                              },
                                              [] {
                                                return Outcome{false, "not draining"};
                                              }});
    ASSERT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
  }
  std::string Request(std::string_view head) {
    Client client(server_->port());
    client.Send(std::string(head) + "Host: x\r\n\r\n");
    std::string answer;
    EXPECT_TRUE(client.ReadToEnd(answer));
    return answer;
  }

  std::string metrics_ = "metric 1\n";
  std::atomic<int> scrapes_{0};
  std::atomic<NodeState> state_{NodeState::kServing};
  std::unique_ptr<AdminServer> server_;
};

TEST_F(AdminServerTest, AnswersGet) {
  Start();
  const std::string answer = Request("GET /metrics HTTP/1.1\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
  EXPECT_THAT(answer, HasSubstr("Cache-Control: no-store\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\n\r\nmetric 1\n"));
}

TEST_F(AdminServerTest, AnswersHeadWithoutBody) {
  Start();
  const std::string answer = Request("HEAD /metrics HTTP/1.1\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Length: 9\r\n"));
  EXPECT_THAT(answer, ::testing::EndsWith("\r\n\r\n"));
}

TEST_F(AdminServerTest, ReadyFollowsTheState) {
  Start();
  EXPECT_THAT(Request("GET /health/ready HTTP/1.1\r\n"), StartsWith("HTTP/1.1 200 "));
  state_ = NodeState::kDraining;
  EXPECT_THAT(Request("GET /health/ready HTTP/1.1\r\n"), StartsWith("HTTP/1.1 404 "));
  state_ = NodeState::kStarting;
  EXPECT_THAT(Request("GET /health/ready HTTP/1.1\r\n"), StartsWith("HTTP/1.1 503 "));
}

TEST_F(AdminServerTest, RefusesOtherMethodsAndUnknownPaths) {
  Start();
  EXPECT_THAT(Request("POST /metrics HTTP/1.1\r\nContent-Length: 0\r\n"),
              StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(Request("DELETE /metrics HTTP/1.1\r\n"), StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(Request("GET /etc/passwd HTTP/1.1\r\n"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(Request("GET /" + std::string(5000, 'x') + " HTTP/1.1\r\n"),
              StartsWith("HTTP/1.1 404 "));
  EXPECT_EQ(scrapes_, 0);
}

TEST_F(AdminServerTest, AnswersCheckersThatSpeakHttp10) {
  Start();
  Client client(server_->port());
  client.Send("GET /health/ready HTTP/1.0\r\n\r\n");
  std::string answer;
  EXPECT_TRUE(client.ReadToEnd(answer));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
}

TEST_F(AdminServerTest, SendsALargeAnswerWhole) {
  metrics_ = std::string(8 << 20, 'm');
  Start();
  const std::string answer = Request("GET /metrics HTTP/1.1\r\n");
  EXPECT_EQ(answer.size() - answer.find("\r\n\r\n") - 4, metrics_.size());
}

TEST_F(AdminServerTest, NonsenseEndsItsConnectionOnly) {
  Start();
  for (const char* nonsense : {"\x10\x10\0\4MQTT", "GET\r\n\r\n",
                               "GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "\r\n\r\n\r\n"}) {
    Client client(server_->port());
    client.Send(nonsense);
    client.Send("\r\n\r\n");
    std::string answer;
    EXPECT_TRUE(client.ReadToEnd(answer)) << nonsense;
  }
  EXPECT_THAT(Request("GET /metrics HTTP/1.1\r\n"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(AdminServerTest, AHeaderWithoutEndIsRefusedLongBeforeItsTime) {
  Start({.request_timeout_ns = 600'000'000'000});
  Client client(server_->port());
  client.Send("GET /metrics HTTP/1.1\r\n");
  const std::string line = "X-Filler: " + std::string(16'000, 'x') + "\r\n";
  int lines = 0;
  while (lines < 1000 && client.TrySend(line)) ++lines;
  EXPECT_LT(lines, 1000) << "16 MB of header were taken";
  std::string answer;
  EXPECT_TRUE(client.ReadToEnd(answer));
  EXPECT_EQ(answer.find("200 OK"), std::string::npos);
  EXPECT_EQ(scrapes_, 0);
}

TEST_F(AdminServerTest, AHalfOpenRequestIsClosedAfterItsTime) {
  Start({.request_timeout_ns = 50'000'000});
  Client silent(server_->port());
  Client half(server_->port());
  half.Send("GET /metrics HTT");
  std::string answer;
  EXPECT_TRUE(silent.ReadToEnd(answer));
  EXPECT_TRUE(half.ReadToEnd(answer));
  EXPECT_EQ(scrapes_, 0);
}

TEST_F(AdminServerTest, AClientThatReadsTooSlowlyIsCutOff) {
  metrics_ = std::string(32 << 20, 'm');  // more than the kernel buffers
  Start({.response_timeout_ns = 20'000'000});
  Client slow(server_->port());
  slow.Send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  // One small read for each request of somebody else: at this pace 32 MiB take seconds.
  std::string answer;
  while (slow.ReadOnce(answer))
    EXPECT_THAT(Request("GET /health/live HTTP/1.1\r\n"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 "));
  EXPECT_LT(answer.size(), metrics_.size());
}

TEST_F(AdminServerTest, HalfOpenConnectionsLockNobodyOut) {
  Start({.connections_max = 4});
  std::vector<Client> silent;
  for (int i = 0; i < 50; ++i) {
    silent.emplace_back(server_->port());
    ASSERT_TRUE(silent.back().connected());
  }
  EXPECT_THAT(Request("GET /metrics HTTP/1.1\r\n"), StartsWith("HTTP/1.1 200 "));
  std::string nothing;
  EXPECT_TRUE(silent.front().ReadToEnd(nothing));  // the oldest gave way
  EXPECT_EQ(nothing, "");
}

TEST_F(AdminServerTest, StopsWhileConnectionsAreOpen) {
  Start();
  Client silent(server_->port());
  Client busy(server_->port());
  busy.Send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  std::string answer;
  ASSERT_TRUE(busy.ReadUntil("metric 1\n", answer));
  const std::uint16_t port = server_->port();
  server_.reset();
  std::string rest;
  EXPECT_TRUE(silent.ReadToEnd(rest));
  EXPECT_FALSE(Client(port).connected());
}

TEST_F(AdminServerTest, StartsAndStopsAtOnce) {
  for (int i = 0; i < 50; ++i) {
    Start();
    server_.reset();
  }
}

// The node can be told to do something on its control socket, and nowhere else.
class ControlSocketTest : public AdminServerTest {
 protected:
  void SetUp() override { Start({.control = true}); }
  std::string Name() const { return ControlSocketOf({"127.0.0.1", server_->port()}); }
  std::string Control(std::string_view head) {
    Client client(Name());
    client.Send(std::string(head) + "Host: x\r\nContent-Length: 0\r\n\r\n");
    std::string answer;
    EXPECT_TRUE(client.ReadToEnd(answer));
    return answer;
  }
};

TEST_F(ControlSocketTest, CarriesOutPost) {
  EXPECT_THAT(Control("POST /api/v1/resume HTTP/1.1\r\n"), StartsWith("HTTP/1.1 409"));
  EXPECT_THAT(Control("POST /api/v1/drain HTTP/1.1\r\n"), StartsWith("HTTP/1.1 202"));
  EXPECT_EQ(state_.load(), NodeState::kDraining);
  EXPECT_THAT(Control("POST /api/v1/drain?force HTTP/1.1\r\n"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(Control("GET /health/live HTTP/1.1\r\n"), StartsWith("HTTP/1.1 200"));
}

TEST_F(ControlSocketTest, IsTheOnlyWay) {
  EXPECT_THAT(Request("POST /api/v1/drain HTTP/1.1\r\nContent-Length: 0\r\n"),
              StartsWith("HTTP/1.1 405"));
  EXPECT_EQ(state_.load(), NodeState::kServing);
}

TEST_F(ControlSocketTest, AnswersNobodyButRootAndTheNodesUser) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can become somebody else";
  const std::string name = Name();
  const pid_t stranger = fork();
  if (stranger == 0) {
    // Nothing but system calls: this is a copy of a process with threads.
    constexpr uid_t kNobody = 65534;
    if (setuid(kNobody) != 0) _exit(2);
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path + 1, name.data() + 1, name.size() - 1);
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    if (connect(fd, reinterpret_cast<const sockaddr*>(&address), size) != 0) _exit(3);
    constexpr std::string_view kRequest = "POST /api/v1/drain HTTP/1.1\r\nHost: x\r\n\r\n";
    if (send(fd, kRequest.data(), kRequest.size(), MSG_NOSIGNAL) < 0 && errno != EPIPE) _exit(4);
    char byte = 0;
    _exit(recv(fd, &byte, 1, 0) > 0 ? 1 : 0);  // the end, or a reset: no answer
  }
  int status = -1;
  ASSERT_EQ(waitpid(stranger, &status, 0), stranger);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(state_.load(), NodeState::kServing);
}

TEST_F(AdminServerTest, APortThatIsTakenIsAClearError) {
  Start();
  const Options same = {.address = {"127.0.0.1", server_->port()}};
  const auto second = AdminServer::Start(same, {});
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  const std::string message(second.status().message());
  EXPECT_THAT(message, HasSubstr("127.0.0.1:" + std::to_string(server_->port())));
  EXPECT_THAT(message, HasSubstr("Address already in use"));
  EXPECT_THAT(message, HasSubstr("admin.address"));
}

TEST_F(AdminServerTest, AnAddressOfAnotherHostIsAClearError) {
  const auto started = AdminServer::Start({.address = {"192.0.2.1", 0}}, {});
  ASSERT_FALSE(started.ok());
  EXPECT_THAT(std::string(started.status().message()), HasSubstr("does not have that address"));
}

TEST_F(AdminServerTest, ListensOnIpv6) {
  const auto started = AdminServer::Start({.address = {"::1", 0}}, {});
  if (!started.ok()) GTEST_SKIP() << "no IPv6 here: " << started.status();
  EXPECT_NE((*started)->port(), 0);
}

}  // namespace
}  // namespace tandem::admin
