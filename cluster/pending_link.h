// A connection between its first byte and the end of its handshake.
#pragma once

#include <memory>

#include "cluster/hello.h"
#include "cluster/link_connection.h"
#include "engine/base/clock.h"

namespace tandem::cluster {

// Belongs to a core; the owner calls Advance once per turn. It takes no byte behind the handshake
// from the connection, so that the connection can go on elsewhere.
class PendingLink {
 public:
  enum class State : std::uint8_t {
    kRunning,
    kProven,     // listener: the other side is who it says; Accept() or Refuse()
    kAccepting,  // the verdict is on its way
    kAccepted,   // done: TakeConnection()
    kFailed,  // error() says why; the connection is to be closed (gracefully: a refusal may still
              // have to leave)
  };

  // `patience`: how long the handshake may take, from the first Advance on.
  PendingLink(std::unique_ptr<LinkConnection> connection, Handshake handshake, MonoNs patience);

  void Advance(MonoNs now);
  void Accept();
  void Refuse(Refusal refusal, std::string_view text);

  State state() const noexcept { return state_; }
  const Handshake& handshake() const noexcept { return handshake_; }
  const absl::Status& error() const noexcept { return error_; }
  MonoNs deadline() const noexcept { return deadline_; }
  bool greeted() const noexcept { return greeted_; }  // at least one whole frame came
  LinkConnection& connection() noexcept { return *connection_; }
  std::unique_ptr<LinkConnection> TakeConnection() { return std::move(connection_); }

 private:
  void Put(const std::vector<std::uint8_t>& frames);
  void Fail(absl::Status error);
  absl::Status RefusalStatus() const;

  std::unique_ptr<LinkConnection> connection_;
  Handshake handshake_;
  const MonoNs patience_;
  MonoNs deadline_ = kNever;
  State state_ = State::kRunning;
  bool started_ = false;
  bool greeted_ = false;
  absl::Status error_;
};

}  // namespace tandem::cluster
