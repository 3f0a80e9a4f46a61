// The announcement's bytes, and whom to believe: the part of multicast discovery without a socket.
#include <capnp/message.h>
#include <capnp/serialize.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "cluster/discovery/multicast_discovery.h"
#include "engine/base/strings.h"
#include "proto/peer/peer.capnp.h"

namespace tandem::cluster {
namespace {

constexpr const char* kLabel = "tandem-announce-1";
constexpr std::size_t kHashBytes = 32;
constexpr std::size_t kMessageBytesMax = 1024;
constexpr std::size_t kLinksMax = 8;
constexpr std::size_t kNameBytesMax = 255;
constexpr std::size_t kComplaintsMax = 16;

std::vector<std::uint8_t> Hash(std::string_view secret, Bytes message) {
  if (secret.empty()) return std::vector<std::uint8_t>(kHashBytes);
  return KeyedHash(secret, kLabel, {message});
}

std::string ToString(capnp::Text::Reader text) { return {text.cStr(), text.size()}; }

Announcement Read(peer::Announcement::Reader in) {
  Announcement out{.cluster = ToString(in.getCluster()),
                   .node = ToString(in.getNode()),
                   .incarnation = in.getIncarnation()};
  for (const auto link : in.getLinks()) {
    if (out.links.size() == kLinksMax) break;
    out.links.push_back({.host = ToString(link.getHost()), .port = link.getPort()});
  }
  return out;
}

}  // namespace

std::vector<std::uint8_t> EncodeAnnouncement(const Announcement& announcement,
                                             std::string_view secret) {
  capnp::MallocMessageBuilder message;
  peer::Announcement::Builder out = message.initRoot<peer::Announcement>();
  out.setCluster(announcement.cluster.c_str());
  out.setNode(announcement.node.c_str());
  out.setIncarnation(announcement.incarnation);
  auto links = out.initLinks(static_cast<unsigned>(std::min(announcement.links.size(), kLinksMax)));
  for (unsigned i = 0; i < links.size(); ++i) {
    links[i].setHost(announcement.links[i].host.c_str());
    links[i].setPort(announcement.links[i].port);
  }
  const kj::Array<capnp::word> words = capnp::messageToFlatArray(message);
  std::vector<std::uint8_t> datagram(words.asBytes().begin(), words.asBytes().end());
  const std::vector<std::uint8_t> hash = Hash(secret, datagram);
  datagram.insert(datagram.end(), hash.begin(), hash.end());
  return datagram;
}

absl::StatusOr<Announcement> DecodeAnnouncement(Bytes datagram, std::string_view secret) {
  if (datagram.size() <= kHashBytes || datagram.size() > kMessageBytesMax + kHashBytes ||
      datagram.size() % 8 != 0) {
    return absl::InvalidArgumentError("no announcement");
  }
  const Bytes message = datagram.first(datagram.size() - kHashBytes);
  // A node without a secret does not look at the hash: it could not tell.
  if (!secret.empty() && !EqualInConstantTime(datagram.last(kHashBytes), Hash(secret, message))) {
    return absl::PermissionDeniedError("an announcement without our cluster secret");
  }
  kj::Array<capnp::word> words = kj::heapArray<capnp::word>(message.size() / sizeof(capnp::word));
  std::memcpy(words.asBytes().begin(), message.data(), message.size());
  Announcement out;
  const auto exception = kj::runCatchingExceptions([&] {
    capnp::FlatArrayMessageReader reader(words);
    out = Read(reader.getRoot<peer::Announcement>());
  });
  const bool valid = exception == nullptr && !out.node.empty() &&
                     out.node.size() <= kNameBytesMax && out.cluster.size() <= kNameBytesMax &&
                     !out.links.empty();
  if (!valid) return absl::InvalidArgumentError("a malformed announcement");
  return out;
}

std::optional<FoundPeer> PartnerChoice::OnAnnouncement(const Announcement& announcement,
                                                       const std::string& from, bool own) {
  if (announcement.cluster != cluster_ || own) return std::nullopt;
  if (announcement.node == node_) {
    Complain(absl::StrCat("another node calls itself \"", Escaped(node_), "\" too, at ", from));
    return std::nullopt;
  }
  if (partner_.empty()) partner_ = announcement.node;
  if (announcement.node != partner_) {
    Complain(absl::StrCat("a third node, \"", Escaped(announcement.node), "\" at ", from,
                          ", is not taken into the pair of \"", Escaped(node_), "\" and \"",
                          Escaped(partner_), "\""));
    return std::nullopt;
  }
  FoundPeer found{announcement.node, announcement.links};
  for (reactor::Endpoint& link : found.links) {
    if (link.host.empty()) link.host = from;
  }
  if (last_ == found) return std::nullopt;
  last_ = found;
  return found;
}

void PartnerChoice::Complain(std::string text) {
  if (told_.size() >= kComplaintsMax || std::find(told_.begin(), told_.end(), text) != told_.end())
    return;
  told_.push_back(text);
  complaint_ = std::move(text);
}

}  // namespace tandem::cluster
