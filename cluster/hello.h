// The handshake that opens every connection between the nodes: who is there, does it know the
// secret, does it speak our protocol. Sans-I/O: frames in, frames out; random numbers come from the
// caller.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cluster/pair.h"
#include "engine/base/bytes.h"
#include "engine/base/ids.h"
#include "proto/peer/peer_version.h"

namespace tandem::cluster {

enum class LinkPurpose : std::uint8_t { kControl, kLane };

// As in peer.capnp, where each is explained.
enum class Refusal : std::uint8_t {
  kNone,
  kMalformed,
  kVersion,
  kWrongCluster,
  kWrongNode,
  kUnsecured,
  kWrongSecret,
  kWrongEpoch,
  kStopping,
  kBusy,
};
inline constexpr std::size_t kRefusals = 10;
std::string_view Name(Refusal refusal) noexcept;

// This node as it introduces itself.
struct NodeIdentity {
  std::string cluster;
  std::string node;
  Incarnation incarnation{};
  std::uint16_t cores = 1;
  std::string release;
  std::string secret;     // empty: links are not authenticated, and then only on loopback
  bool insecure = false;  // allow links without a secret anywhere
  std::uint64_t features = peer::kFeatures;  // without some of them it is as an older release
};

// What a connection is for; the dialer says so.
struct LinkRequest {
  LinkPurpose purpose = LinkPurpose::kControl;
  std::uint8_t path = 0;    // control
  std::uint16_t lane = 0;   // lane
  std::uint64_t epoch = 0;  // lane
};

// HMAC-SHA256 of `label` (its terminating zero included, so that none is the beginning of another)
// and the parts after it.
std::vector<std::uint8_t> KeyedHash(std::string_view secret, const char* label,
                                    std::initializer_list<Bytes> parts);
// In a time that depends on the lengths only.
bool EqualInConstantTime(Bytes a, Bytes b) noexcept;

// Whether a numeric address never leaves this host.
bool IsLoopback(std::string_view host) noexcept;

using Nonce = std::array<std::uint8_t, 32>;

// One connection's handshake, from one side. The order of frames stands in peer.capnp.
//
// Each side proves that it has the secret by a keyed hash over both hellos as they were sent, which
// hold a fresh nonce of each and all that is agreed upon, and over its role; so a proof can't be
// replayed, reflected or carried to another connection, and nobody in between can change a field.
// The secret itself never travels. What follows the handshake is not encrypted: the cluster network
// carries what clients send, and is to be protected as such.
class Handshake {
 public:
  enum class State : std::uint8_t {
    kRunning,
    kProven,  // listener: all is well as far as this class can tell; Accept or Refuse
    kAccepted,
    kRefused,  // refusal() and text() say why and by whom; nothing more is to be sent after the
               // last output
  };

  // Dialer. `partner` is whom it means to reach; empty: anybody with a higher name.
  // `remote_loopback`: the connection does not leave this host.
  static Handshake Dialer(const NodeIdentity& self, std::string_view partner, bool remote_loopback,
                          const LinkRequest& request, const Nonce& nonce);
  // Listener. `partner` is the only one it talks to; empty: anybody with a lower name.
  static Handshake Listener(const NodeIdentity& self, std::string_view partner,
                            bool remote_loopback, const Nonce& nonce);

  // What to send first; empty for the listener.
  std::vector<std::uint8_t> Start();
  // A whole frame came. Yields what to send back, maybe nothing. `frame` is 8-byte aligned.
  std::vector<std::uint8_t> OnFrame(Bytes frame);

  std::vector<std::uint8_t> Accept();
  std::vector<std::uint8_t> Refuse(Refusal refusal, std::string_view text);

  State state() const noexcept { return state_; }
  Refusal refusal() const noexcept { return refusal_; }
  const std::string& text() const noexcept { return text_; }
  bool refused_by_partner() const noexcept { return refused_by_partner_; }
  // Once a hello came and was found good.
  const PeerIdentity& peer() const noexcept { return peer_; }
  const LinkRequest& request() const noexcept { return request_; }

 private:
  enum class Role : std::uint8_t { kDialer, kListener };
  enum class Await : std::uint8_t { kHello, kProof, kVerdict };

  Handshake(Role role, const NodeIdentity& self, std::string_view partner, bool remote_loopback,
            const LinkRequest& request, const Nonce& nonce);
  struct Frame;
  std::vector<std::uint8_t> OwnHello() const;
  std::vector<std::uint8_t> Proof(Role role) const;
  std::vector<std::uint8_t> OnHello(const Frame& frame, Bytes bytes);
  std::vector<std::uint8_t> OnProof(Bytes proof);
  std::vector<std::uint8_t> OnVerdict(const Frame& frame);
  // Empty if the hello is acceptable.
  std::pair<Refusal, std::string> Judge(const Frame& frame) const;

  Role role_;
  NodeIdentity self_;
  std::string partner_;
  bool remote_loopback_;
  LinkRequest request_;
  Nonce nonce_;
  Await await_;
  State state_ = State::kRunning;
  Refusal refusal_ = Refusal::kNone;
  std::string text_;
  bool refused_by_partner_ = false;
  PeerIdentity peer_;
  std::vector<std::uint8_t> dialer_hello_;  // as sent, framing included
  std::vector<std::uint8_t> listener_hello_;
};

}  // namespace tandem::cluster
