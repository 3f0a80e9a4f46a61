#include "cluster/discovery/multicast_discovery.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "engine/base/status.h"

namespace tandem::cluster {
namespace {

// Datagrams handled in one turn at most.
constexpr int kPerTurn = 16;

bool IsUnspecified(const std::string& host) {
  return host.empty() || host == "0.0.0.0" || host == "::";
}

const ClusterMember* Self(const ClusterOptions& options) {
  for (const ClusterMember& member : options.members) {
    if (member.name == options.identity.node) return &member;
  }
  return nullptr;
}

Announcement Own(const ClusterOptions& options, std::uint16_t listening) {
  Announcement own{.cluster = options.identity.cluster,
                   .node = options.identity.node,
                   .incarnation = static_cast<std::uint64_t>(options.identity.incarnation)};
  if (const ClusterMember* const self = Self(options)) own.links = self->links;
  if (own.links.empty()) own.links.push_back({.host = "", .port = listening});
  if (own.links.front().port == 0) own.links.front().port = listening;
  for (reactor::Endpoint& link : own.links) {
    if (IsUnspecified(link.host)) link.host.clear();
  }
  return own;
}

std::string OtherMember(const ClusterOptions& options) {
  for (const ClusterMember& member : options.members) {
    if (member.name != options.identity.node) return member.name;
  }
  return {};
}

}  // namespace

MulticastDiscovery::MulticastDiscovery(const ClusterOptions& options, std::uint16_t listening)
    : options_(options),
      datagram_(EncodeAnnouncement(Own(options, listening), options.identity.secret)),
      choice_(options.identity.cluster, options.identity.node, OtherMember(options)) {}

MulticastDiscovery::~MulticastDiscovery() {
  if (socket_ >= 0) close(socket_);
}

absl::Status MulticastDiscovery::Start(MonoNs now) {
  TANDEM_RETURN_IF_ERROR(Open());
  next_at_ = now;
  return absl::OkStatus();
}

absl::Status MulticastDiscovery::Open() {
  const auto failed = [&](const char* what) {
    return absl::ErrnoToStatus(
        errno, absl::StrCat("multicast discovery at ", reactor::ToString(options_.multicast.group),
                            ": ", what));
  };
  sockaddr_in group{};
  group.sin_family = AF_INET;
  group.sin_port = htons(options_.multicast.group.port);
  if (inet_pton(AF_INET, options_.multicast.group.host.c_str(), &group.sin_addr) != 1 ||
      !IN_MULTICAST(ntohl(group.sin_addr.s_addr))) {
    return absl::InvalidArgumentError(
        absl::StrCat("not an IPv4 multicast address: ", options_.multicast.group.host));
  }
  ip_mreqn membership{};
  membership.imr_multiaddr = group.sin_addr;
  if (!options_.interface.empty()) {
    membership.imr_ifindex = static_cast<int>(if_nametoindex(options_.interface.c_str()));
    if (membership.imr_ifindex == 0) return failed(options_.interface.c_str());
  } else if (const ClusterMember* const self = Self(options_);
             self != nullptr && !self->links.empty()) {
    // On the network of the first link, if that is an address of this host.
    inet_pton(AF_INET, self->links.front().host.c_str(), &membership.imr_address);
  }
  socket_ = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket_ < 0) return failed("socket");
  const int on = 1;
  // Several nodes on one host share the port; each gets a copy of what is sent to the group.
  if (setsockopt(socket_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
    return failed("SO_REUSEADDR");
  if (bind(socket_, reinterpret_cast<const sockaddr*>(&group), sizeof group) != 0)
    return failed("bind");
  if (setsockopt(socket_, IPPROTO_IP, IP_ADD_MEMBERSHIP, &membership, sizeof membership) != 0)
    return failed("join");
  if (setsockopt(socket_, IPPROTO_IP, IP_MULTICAST_IF, &membership, sizeof membership) != 0)
    return failed("interface");
  if (setsockopt(socket_, IPPROTO_IP, IP_MULTICAST_LOOP, &on, sizeof on) != 0)
    return failed("loop");
  return absl::OkStatus();
}

std::optional<FoundPeer> MulticastDiscovery::Turn(MonoNs now) {
  if (socket_ < 0 || now < next_at_) return std::nullopt;
  next_at_ = now + options_.multicast.announce_every;
  sockaddr_in group{};
  group.sin_family = AF_INET;
  group.sin_port = htons(options_.multicast.group.port);
  inet_pton(AF_INET, options_.multicast.group.host.c_str(), &group.sin_addr);
  if (sendto(socket_, datagram_.data(), datagram_.size(), 0,
             reinterpret_cast<const sockaddr*>(&group), sizeof group) < 0 &&
      errno != EAGAIN) {
    choice_.Complain(std::string(
        absl::ErrnoToStatus(errno, "multicast discovery can't announce this node").message()));
  }
  std::optional<FoundPeer> found;
  for (int i = 0; i < kPerTurn; ++i) {
    std::array<std::uint8_t, 2048> buffer;
    sockaddr_in from{};
    socklen_t from_size = sizeof from;
    const ssize_t size = recvfrom(socket_, buffer.data(), buffer.size(), 0,
                                  reinterpret_cast<sockaddr*>(&from), &from_size);
    if (size <= 0) break;
    std::array<char, INET_ADDRSTRLEN> host{};
    inet_ntop(AF_INET, &from.sin_addr, host.data(), host.size());
    const Bytes datagram{buffer.data(), static_cast<std::size_t>(size)};
    const absl::StatusOr<Announcement> heard =
        DecodeAnnouncement(datagram, options_.identity.secret);
    if (!heard.ok()) {
      if (absl::IsPermissionDenied(heard.status()))
        choice_.Complain(absl::StrCat(heard.status().message(), " from ", host.data()));
      continue;
    }
    const bool own =
        heard->incarnation == static_cast<std::uint64_t>(options_.identity.incarnation);
    if (auto peer = choice_.OnAnnouncement(*heard, host.data(), own)) found = std::move(peer);
  }
  return found;
}

}  // namespace tandem::cluster
