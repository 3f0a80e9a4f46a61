// Parties that talk through transports, and the fixture of transport_contract.h.
//
// A World makes transports that can reach each other, and lets time pass:
//   using Transport = ...;
//   static std::unique_ptr<Transport> Make(World&);  // one more transport
//   static Endpoint AnyEndpoint();                   // to listen on, with port 0
//   void Idle();                                     // a round in which nothing happened
//   bool Expired();                                  // the test has taken too long
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/reactor/monotonic_clock.h"
#include "engine/reactor/transport.h"

namespace tandem::reactor {

// What one connection has lived through.
struct Life {
  bool accepted = false;
  std::optional<absl::Status> connected;
  std::string received;
  std::vector<std::size_t> direct;
  int sent = 0;
  bool detached = false;
  std::optional<CloseReason> closed;
  bool spoke_after_end = false;  // an event after OnClosed or OnDetached
};

// A transport with a handler that writes everything down.
template <class World>
class Party {
 public:
  using Transport = typename World::Transport;

  explicit Party(World& world) : transport(World::Make(world)) {}

  void OnAccepted(ListenerId, ConnectionId id, const Endpoint& peer) {
    Alive(id).accepted = true;
    accepted.push_back(id);
    last_peer = peer;
    if (on_accepted) on_accepted(id);
  }
  void OnAcceptFailed(ListenerId, const absl::Status& status) { accept_failures.push_back(status); }
  void OnConnected(ConnectionId id, const absl::Status& status) { Alive(id).connected = status; }
  void OnReceived(ConnectionId id, ReceivedSlice slice) {
    Alive(id).received += AsText(slice.bytes);
    if (on_received) {
      on_received(id, slice);
    } else {
      transport->Release(slice);
    }
  }
  void OnReceivedDirect(ConnectionId id, std::size_t bytes) {
    Alive(id).direct.push_back(bytes);
    if (on_received_direct) on_received_direct(id, bytes);
  }
  void OnSent(ConnectionId id) {
    ++Alive(id).sent;
    if (on_sent) on_sent(id);
  }
  void OnDetached(ConnectionId id, std::unique_ptr<Handoff> handoff) {
    Alive(id).detached = true;
    handoffs.push_back(std::move(handoff));
  }
  void OnClosed(ConnectionId id, CloseReason reason) {
    Alive(id).closed = reason;
    if (on_closed) on_closed(id);
  }

  Life& Of(ConnectionId id) { return lives[static_cast<std::uint64_t>(id)]; }
  std::size_t Turn() {
    const std::size_t events = transport->Poll(MonotonicNow(), *this);
    transport->Submit();
    return events;
  }
  // The caller keeps `text` alive. Every other one is a send that nobody waits for.
  void Send(ConnectionId id, std::string_view text) {
    Send(id, text, ++sends % 2 == 0 ? SentNotice::kLater : SentNotice::kSoon);
  }
  void Send(ConnectionId id, std::string_view text, SentNotice notice) {
    const Fragment fragment{reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
    transport->Send(id, {&fragment, 1}, notice);
  }

  std::unique_ptr<Transport> transport;
  std::map<std::uint64_t, Life> lives;
  int sends = 0;
  std::vector<ConnectionId> accepted;
  std::vector<absl::Status> accept_failures;
  std::vector<std::unique_ptr<Handoff>> handoffs;
  Endpoint last_peer;
  std::function<void(ConnectionId)> on_accepted;
  std::function<void(ConnectionId, ReceivedSlice)> on_received;  // must release
  std::function<void(ConnectionId, std::size_t)> on_received_direct;
  std::function<void(ConnectionId)> on_sent;
  std::function<void(ConnectionId)> on_closed;

 private:
  Life& Alive(ConnectionId id) {
    Life& life = Of(id);
    if (life.closed.has_value() || life.detached) life.spoke_after_end = true;
    return life;
  }
};

template <class World>
class TransportContract : public ::testing::Test {
 protected:
  TransportContract() : server(world), client(world) {}

  // Turns all parties until `done`; false (and a failure) if that does not come.
  bool Until(const std::function<bool()>& done, const char* what) {
    while (!done()) {
      if (world.Expired()) {
        ADD_FAILURE() << "waited in vain: " << what;
        return false;
      }
      if (server.Turn() + client.Turn() + (third ? third->Turn() : 0) == 0) world.Idle();
    }
    return true;
  }
  // Turns until nothing has happened for a while, for what must not happen.
  void Settle() {
    for (int quiet = 0; quiet < 50 && !world.Expired();) {
      const bool busy = server.Turn() + client.Turn() + (third ? third->Turn() : 0) != 0;
      quiet = busy ? 0 : quiet + 1;
      if (!busy) world.Idle();
    }
  }

  ListenerId Listen(ReceiveMode mode = ReceiveMode::kLent) {
    auto listener =
        server.transport->Listen({.endpoint = World::AnyEndpoint(), .receive_mode = mode});
    EXPECT_TRUE(listener.ok()) << listener.status();
    address = server.transport->LocalEndpoint(*listener);
    return *listener;
  }
  ConnectionId StartConnect(ReceiveMode mode = ReceiveMode::kLent) {
    auto id = client.transport->Connect({.remote = address, .receive_mode = mode});
    EXPECT_TRUE(id.ok()) << id.status();
    return *id;
  }
  // A connection, seen from both sides.
  struct Pair {
    ConnectionId here{};   // the client's
    ConnectionId there{};  // the server's
  };
  Pair Join(ReceiveMode here = ReceiveMode::kLent) {
    const std::size_t before = server.accepted.size();
    const ConnectionId id = StartConnect(here);
    Until([&] { return client.Of(id).connected.has_value() && server.accepted.size() > before; },
          "a connection");
    EXPECT_TRUE(client.Of(id).connected->ok()) << *client.Of(id).connected;
    return {id, server.accepted.back()};
  }
  void EchoOn(Party<World>& party) {
    party.on_received = [this, &party](ConnectionId id, ReceivedSlice slice) {
      Echo& echo = echoes[static_cast<std::uint64_t>(id)];
      echo.waiting += AsText(slice.bytes);
      party.transport->Release(slice);
      SendEcho(party, id);
    };
    party.on_sent = [this, &party](ConnectionId id) {
      echoes[static_cast<std::uint64_t>(id)].sending.clear();
      SendEcho(party, id);
    };
  }
  void SendEcho(Party<World>& party, ConnectionId id) {
    Echo& echo = echoes[static_cast<std::uint64_t>(id)];
    if (!echo.sending.empty() || echo.waiting.empty()) return;
    echo.sending.swap(echo.waiting);
    party.Send(id, echo.sending);
  }
  void ExpectSent(Party<World>& party, ConnectionId id) {
    Until([&] { return party.Of(id).sent >= 1; }, "OnSent");
  }
  void ExpectClosed(Party<World>& party, ConnectionId id, CloseReason reason) {
    if (!Until([&] { return party.Of(id).closed.has_value(); }, "OnClosed")) return;
    EXPECT_EQ(*party.Of(id).closed, reason);
    EXPECT_FALSE(party.Of(id).spoke_after_end);
  }

  World world;
  Party<World> server;
  Party<World> client;
  std::unique_ptr<Party<World>> third;
  Endpoint address;
  struct Echo {
    std::string waiting;
    std::string sending;
  };
  std::map<std::uint64_t, Echo> echoes;
};

// Bytes whose order shows: no run repeats within 64 KiB.
inline std::string Pattern(std::size_t size, std::uint32_t seed = 1) {
  std::string text(size, '\0');
  std::uint32_t state = seed * 2'654'435'761u + 1;
  for (char& c : text) {
    state = state * 1'664'525u + 1'013'904'223u;
    c = static_cast<char>(state >> 24);
  }
  return text;
}

}  // namespace tandem::reactor
