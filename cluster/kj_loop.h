// KJ's event loop as a guest in the loop of a core.
#pragma once

#include <kj/async.h>
#include <kj/debug.h>
#include <kj/exception.h>

#include <cstdint>

namespace tandem::cluster {

// One per core link, on the core's thread. Promises are made, run and destroyed only while a Scope
// exists, which is for the length of one turn; in between the thread belongs to others. Nothing
// ever waits here: events come in because the turn feeds them, and Run() handles a bounded number,
// since a loop that runs until it is empty does not return under load.
class KjLoop {
 public:
  KjLoop() : loop_(port_) {}
  ~KjLoop() noexcept(false) {
    // What the RPC system left to finish by itself; an event loop must be empty when it goes.
    kj::WaitScope scope(loop_);
    loop_.run(kTurnsAtEnd);
    scope.cancelAllDetached();
  }

  class Scope {
   public:
    explicit Scope(KjLoop& loop) : wait_scope_(loop.loop_) {}

   private:
    // KJ reports broken connections and dropped tasks to stderr by itself; here they are events
    // like others.
    class Quiet final : public kj::ExceptionCallback {
     public:
      void logMessage(kj::LogSeverity, const char*, int, int, kj::String&&) override {}
      StackTraceMode stackTraceMode() override { return StackTraceMode::NONE; }
    };
    Quiet quiet_;
    kj::WaitScope wait_scope_;
  };

  // At most `turns` events. True if more are ready.
  bool Run(unsigned turns) {
    loop_.run(turns);
    return loop_.isRunnable();
  }

 private:
  // The core's loop is the port; running KJ's loop from in here is what it must not do.
  class Port final : public kj::EventPort {
   public:
    bool wait() override { KJ_FAIL_REQUIRE("the loop of a core never waits in KJ"); }
    bool poll() override { return false; }
    void setRunnable(bool) override {}
  };

  static constexpr unsigned kTurnsAtEnd = 10'000;

  Port port_;
  kj::EventLoop loop_;
};

}  // namespace tandem::cluster
