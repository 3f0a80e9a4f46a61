#include "tools/tandemd/supervisor.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <string>

#include "tests/support/temp_dir.h"

namespace tandem::tandemd {
namespace {

// The service manager's end; `name` as in NOTIFY_SOCKET.
class Listener {
 public:
  explicit Listener(std::string name) : socket_(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0)) {
    if (name.front() == '@') name.front() = '\0';
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name.copy(address.sun_path, sizeof address.sun_path);
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    EXPECT_EQ(bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), length), 0);
  }
  // What was said next; "" if nothing was.
  std::string Next() {
    char words[256];
    const ssize_t size = recv(socket_.get(), words, sizeof words, 0);
    return size < 0 ? "" : std::string(words, static_cast<std::size_t>(size));
  }

 private:
  reactor::OwnedFd socket_;
};

class SupervisorTest : public ::testing::Test {
 protected:
  testing::TempDir dir_;
  const std::string path_ = dir_.Path("notify");
};

TEST_F(SupervisorTest, HearsOnceThatTheNodeIsReadyAndEachChangeOfItsState) {
  Listener manager(path_);
  Supervisor supervisor(path_.c_str(), nullptr);
  for (int start = 0; start < 2; ++start) supervisor.Ready();
  for (const char* const state : {"serving", "serving", "draining"}) supervisor.State(state);
  supervisor.Stopping();
  EXPECT_EQ(manager.Next(), "READY=1");
  EXPECT_EQ(manager.Next(), "STATUS=serving");
  EXPECT_EQ(manager.Next(), "STATUS=draining");
  EXPECT_EQ(manager.Next(), "STOPPING=1");
  EXPECT_EQ(manager.Next(), "");
}

TEST_F(SupervisorTest, AWatchdogHearsTwiceInItsTimeThatAllIsWell) {
  Listener manager(path_);
  Supervisor supervisor(path_.c_str(), "10000000");
  constexpr MonoNs kStart = 7 * kNanosecondsPerSecond;
  int heard = 0;
  for (MonoNs now = kStart; now < kStart + 20 * kNanosecondsPerSecond;
       now += kNanosecondsPerSecond / 5) {
    supervisor.Alive(now);
    if (manager.Next() == "WATCHDOG=1") ++heard;
  }
  EXPECT_EQ(heard, 4);
}

TEST_F(SupervisorTest, WithoutAWatchdogNobodyHearsThatAllIsWell) {
  Listener manager(path_);
  for (const char* const none : {"", "0", "-1", "soon", "99999999999999999999"})
    Supervisor(path_.c_str(), none).Alive(1);
  Supervisor(path_.c_str(), nullptr).Alive(1);
  EXPECT_EQ(manager.Next(), "");
}

TEST_F(SupervisorTest, MayListenOnAnAbstractSocket) {
  const std::string name = "@tandem-supervisor-test-" + std::to_string(getpid());
  Listener manager(name);
  Supervisor(name.c_str(), nullptr).Ready();
  EXPECT_EQ(manager.Next(), "READY=1");
}

TEST_F(SupervisorTest, ThatIsNotThereOrMakesNoSenseDisturbsNobody) {
  for (const std::string& name : {std::string(), std::string("@"), std::string("relative/path"),
                                  dir_.Path("nobody"), "/" + std::string(200, 'x')}) {
    Supervisor supervisor(name.c_str(), "10000000");
    supervisor.Ready();
    supervisor.Alive(1);
  }
  Supervisor(nullptr, nullptr).Ready();
}

TEST_F(SupervisorTest, ThatDoesNotReadStopsNobody) {
  Listener manager(path_);
  Supervisor supervisor(path_.c_str(), nullptr);
  for (int i = 0; i < 100'000; ++i) supervisor.State(i % 2 == 0 ? "serving" : "draining");
  EXPECT_EQ(manager.Next(), "STATUS=serving");
}

}  // namespace
}  // namespace tandem::tandemd
