// The provider against a real etcd, which these tests start and stop.
#include "cluster/witness/etcd_witness.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"

namespace tandem::cluster {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using Result = WitnessAnswer::Result;
using Clock = std::chrono::steady_clock;

// A socket bound to a port of the kernel's choice on loopback.
class Port {
 public:
  Port() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), length), 0);
    EXPECT_EQ(getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length), 0);
    number_ = ntohs(address.sin_port);
  }
  ~Port() { close(fd_); }
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  // Connections come up, and nobody ever answers.
  void Listen() { EXPECT_EQ(listen(fd_, 16), 0); }
  // How many came since the last time.
  int Accept() {
    int count = 0;
    for (pollfd ready{.fd = fd_, .events = POLLIN, .revents = 0}; poll(&ready, 1, 0) == 1; ++count)
      close(accept(fd_, nullptr, nullptr));
    return count;
  }
  std::uint16_t number() const { return number_; }
  std::string url() const { return absl::StrCat("http://127.0.0.1:", number_); }

 private:
  int fd_;
  std::uint16_t number_ = 0;
};

// An etcd of its own directory and ports; ends with the test, whatever becomes of that.
class Etcd {
 public:
  explicit Etcd(const std::string& directory) : directory_(directory) {
    client_url_ = Port().url();
    peer_url_ = Port().url();
    Start();
  }
  ~Etcd() {
    Stop();
    std::filesystem::remove_all(directory_);
  }
  Etcd(const Etcd&) = delete;
  Etcd& operator=(const Etcd&) = delete;

  void Start() {
    const std::vector<std::string> words = {"etcd",
                                            "--data-dir",
                                            directory_,
                                            "--listen-client-urls",
                                            client_url_,
                                            "--advertise-client-urls",
                                            client_url_,
                                            "--listen-peer-urls",
                                            peer_url_,
                                            "--initial-advertise-peer-urls",
                                            peer_url_,
                                            "--initial-cluster",
                                            absl::StrCat("default=", peer_url_)};
    pid_ = fork();
    if (pid_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int null = open("/dev/null", O_RDWR);
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(null, fd);
    std::vector<char*> arguments;
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    execvp("etcd", arguments.data());
    _exit(127);
  }
  void Stop() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  const std::string& url() const { return client_url_; }

 private:
  std::string directory_;
  std::string client_url_;
  std::string peer_url_;
  pid_t pid_ = 0;
};

std::string NewDirectory() {
  std::string pattern = ::testing::TempDir() + "etcd-XXXXXX";
  EXPECT_NE(mkdtemp(pattern.data()), nullptr);
  return pattern;
}

// The next answer; unreachable with words of its own if there is none in a long time.
WitnessAnswer AnswerOf(Witness& witness) {
  const auto deadline = Clock::now() + 30s;
  while (Clock::now() < deadline) {
    if (std::optional<WitnessAnswer> answer = witness.Take()) return *std::move(answer);
    poll(nullptr, 0, 1);
  }
  ADD_FAILURE() << "no answer at all";
  return {.words = "no answer at all"};
}

WitnessAnswer Ask(Witness& witness, WitnessRequest request) {
  static std::uint64_t number = 0;
  request.number = ++number;
  witness.Ask(request);
  WitnessAnswer answer = AnswerOf(witness);
  EXPECT_EQ(answer.number, number);
  return answer;
}

// An etcd needs a moment to come up.
WitnessAnswer ReadOnceItIsUp(Witness& witness) {
  const auto deadline = Clock::now() + 60s;
  WitnessAnswer answer = Ask(witness, {});
  while (answer.result == Result::kUnreachable && Clock::now() < deadline)
    answer = Ask(witness, {});
  EXPECT_EQ(answer.result, Result::kRead) << answer.words;
  return answer;
}

std::unique_ptr<EtcdWitness> Make(std::vector<std::string> endpoints,
                                  const std::string& cluster = "plant") {
  auto made = EtcdWitness::Create({.endpoints = std::move(endpoints), .cluster = cluster});
  EXPECT_TRUE(made.ok()) << made.status();
  return *std::move(made);
}

const WitnessRecord kAlpha{5, "alpha", "4-a-b", Incarnation{0xa}};
const WitnessRecord kBeta{5, "beta", "4-a-b", Incarnation{0xb}};

TEST(EtcdWitness, OfTwoThatClaimOneWins) {
  Etcd etcd(NewDirectory());
  const auto alpha = Make({etcd.url()});
  const auto beta = Make({etcd.url()});
  const WitnessAnswer empty = ReadOnceItIsUp(*alpha);
  EXPECT_EQ(empty.reading.revision, 0u);
  EXPECT_FALSE(empty.reading.record);

  EXPECT_EQ(Ask(*alpha, {.record = kAlpha, .revision = 0}).result, Result::kWritten);
  const WitnessAnswer lost = Ask(*beta, {.record = kBeta, .revision = 0});
  EXPECT_EQ(lost.result, Result::kRead);
  EXPECT_EQ(lost.reading.record, kAlpha);
  EXPECT_GT(lost.reading.revision, 0u);

  EXPECT_EQ(Ask(*beta, {.record = kBeta, .revision = lost.reading.revision}).result,
            Result::kWritten);
  EXPECT_EQ(Ask(*alpha, {}).reading.record, kBeta);
}

TEST(EtcdWitness, EachClusterHasARegisterOfItsOwn) {
  Etcd etcd(NewDirectory());
  const auto plant = Make({etcd.url()}, "plant");
  const auto other = Make({etcd.url()}, "other");
  ReadOnceItIsUp(*plant);
  EXPECT_EQ(Ask(*plant, {.record = kAlpha, .revision = 0}).result, Result::kWritten);
  EXPECT_FALSE(Ask(*other, {}).reading.record);
}

TEST(EtcdWitness, WhatWasWrittenOutlivesAnEtcdThatDies) {
  Etcd etcd(NewDirectory());
  const auto witness = Make({etcd.url()});
  ReadOnceItIsUp(*witness);
  EXPECT_EQ(Ask(*witness, {.record = kAlpha, .revision = 0}).result, Result::kWritten);
  etcd.Stop();
  const WitnessAnswer answer = Ask(*witness, {});
  EXPECT_EQ(answer.result, Result::kUnreachable);
  EXPECT_THAT(answer.words, HasSubstr(etcd.url()));
  etcd.Start();
  EXPECT_EQ(ReadOnceItIsUp(*witness).reading.record, kAlpha);
}

TEST(EtcdWitness, AnEndpointThatRefusesOrIsSilentIsPassedOver) {
  Etcd etcd(NewDirectory());
  const Port refuses;
  Port silent;
  silent.Listen();
  const auto witness = Make({refuses.url(), silent.url(), etcd.url()});
  ReadOnceItIsUp(*witness);
  EXPECT_GT(silent.Accept(), 0);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(Ask(*witness, {}).result, Result::kRead);
  EXPECT_EQ(silent.Accept(), 0) << "whoever answered last is asked first";
}

TEST(EtcdWitness, ASilentOneIsGivenUpAndNamed) {
  Port silent;
  silent.Listen();
  const auto witness = Make({silent.url()});
  const WitnessAnswer answer = Ask(*witness, {});
  EXPECT_EQ(answer.result, Result::kUnreachable);
  EXPECT_THAT(answer.words, HasSubstr("no answer in time"));
}

TEST(EtcdWitness, EndsWhileItWaitsForAnAnswer) {
  Port silent;
  silent.Listen();
  auto made = EtcdWitness::Create({.endpoints = {silent.url()},
                                   .cluster = "c",
                                   .endpoint_time = 3'600 * kNanosecondsPerSecond});
  ASSERT_TRUE(made.ok());
  (*made)->Ask({.number = 1});
  made->reset();  // or the test hangs
}

TEST(EtcdWitness, TakesEndpointsAsOperatorsWriteThem) {
  EXPECT_EQ(*EndpointAddress("http://10.0.0.4:2379"), "10.0.0.4:2379");
  EXPECT_EQ(*EndpointAddress("http://etcd.plant:2379/"), "etcd.plant:2379");
  EXPECT_EQ(*EndpointAddress("http://[fd00::4]:2379"), "[fd00::4]:2379");
  for (const std::string bad : {"", "10.0.0.4:2379", "https://10.0.0.4:2379", "http://10.0.0.4",
                                "http://:2379", "http://h:", "http://h:1/x"}) {
    EXPECT_FALSE(EndpointAddress(bad).ok()) << bad;
  }
  EXPECT_FALSE(EtcdWitness::Create({.endpoints = {}, .cluster = "c"}).ok());
}

}  // namespace
}  // namespace tandem::cluster
