// Two nodes on one network find each other without a list: each announces itself to a multicast
// group.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cluster/discovery/discovery.h"
#include "engine/base/bytes.h"

namespace tandem::cluster {

// What an announcement says.
struct Announcement {
  std::string cluster;
  std::string node;
  std::uint64_t incarnation = 0;
  std::vector<reactor::Endpoint> links;  // an empty host: where the datagram came from
};

// The datagram, and back; an error for anything that is not well-formed and signed with `secret`.
std::vector<std::uint8_t> EncodeAnnouncement(const Announcement& announcement,
                                             std::string_view secret);
absl::StatusOr<Announcement> DecodeAnnouncement(Bytes datagram, std::string_view secret);

// Whom to take for a partner, from what is heard. Sans-I/O. The first other node of this cluster is
// the partner for good (until this process ends); another one after it is a third node, which is
// not taken and is complained about once.
class PartnerChoice {
 public:
  PartnerChoice(std::string cluster, std::string node, std::string partner)
      : cluster_(std::move(cluster)), node_(std::move(node)), partner_(std::move(partner)) {}

  // `from`: the numeric host that sent it. Yields the partner if it is new or has moved.
  std::optional<FoundPeer> OnAnnouncement(const Announcement& announcement, const std::string& from,
                                          bool own);
  std::optional<std::string> TakeComplaint() { return std::exchange(complaint_, std::nullopt); }
  void Complain(std::string text);

 private:
  std::string cluster_;
  std::string node_;
  std::string partner_;  // empty: not chosen yet
  std::optional<FoundPeer> last_;
  std::vector<std::string> told_;  // complaints, each once
  std::optional<std::string> complaint_;
};

// A small non-blocking UDP socket of its own, used a few times a second from core 0's turns: a
// system call of some microseconds each, so it needs neither the ring nor a thread.
class MulticastDiscovery final : public Discovery {
 public:
  MulticastDiscovery(const ClusterOptions& options, std::uint16_t listening);
  ~MulticastDiscovery() override;

  absl::Status Start(MonoNs now) override;
  std::optional<FoundPeer> Turn(MonoNs now) override;
  MonoNs NextDeadline() const override { return next_at_; }
  std::optional<std::string> TakeComplaint() override { return choice_.TakeComplaint(); }

 private:
  absl::Status Open();

  const ClusterOptions& options_;
  std::vector<std::uint8_t> datagram_;
  PartnerChoice choice_;
  int socket_ = -1;
  MonoNs next_at_ = kNever;
};

}  // namespace tandem::cluster
