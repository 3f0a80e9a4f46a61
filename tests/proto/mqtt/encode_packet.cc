#include "tests/proto/mqtt/encode_packet.h"

#include <vector>

#include "proto/mqtt/encoder.h"
#include "proto/mqtt/property.h"

namespace tandem::mqtt {
namespace {

struct Encode {
  Version version;
  ByteBuffer& out;

  void operator()(const ConnectView& connect) const { EncodeConnect(connect, out); }
  void operator()(const ConnackView& connack) const { EncodeConnack(version, connack, out); }
  void operator()(const PublishView& publish) const {
    std::vector<std::uint32_t> subscription_ids;
    PropertyReader reader(publish.properties);
    for (Property property; reader.Next(property);) {
      if (property.id == PropertyId::kSubscriptionIdentifier)
        subscription_ids.push_back(property.number);
    }
    ByteBuffer forwarded;
    CopyForwardedProperties(publish.properties, forwarded);
    EncodePublishHead({.version = version,
                       .dup = publish.dup,
                       .qos = publish.qos,
                       .retain = publish.retain,
                       .packet_id = publish.packet_id,
                       .topic = publish.topic,
                       .topic_alias = publish.topic_alias,
                       .message_expiry_s = publish.message_expiry_s,
                       .subscription_ids = subscription_ids,
                       .forwarded_properties = forwarded.bytes(),
                       .payload_bytes = publish.payload.size()},
                      out);
    out.Append(publish.payload);
  }
  void operator()(const AckView& ack) const { EncodeAck(version, ack, out); }
  void operator()(const SubscribeView& subscribe) const {
    std::vector<SubscribeEntry> entries;
    SubscribeEntries walk = subscribe.entries;
    while (const auto entry = walk.Next()) entries.push_back(*entry);
    EncodeSubscribe(version, subscribe.packet_id, entries, subscribe.subscription_id, out);
  }
  void operator()(const SubackView& suback) const { EncodeSuback(version, suback, out); }
  void operator()(const UnsubscribeView& unsubscribe) const {
    std::vector<std::string_view> filters;
    UnsubscribeFilters walk = unsubscribe.filters;
    while (const auto filter = walk.Next()) filters.push_back(*filter);
    EncodeUnsubscribe(version, unsubscribe.packet_id, filters, out);
  }
  void operator()(const UnsubackView& unsuback) const { EncodeUnsuback(version, unsuback, out); }
  void operator()(const PingreqView&) const { EncodePingreq(out); }
  void operator()(const PingrespView&) const { EncodePingresp(out); }
  void operator()(const DisconnectView& disconnect) const {
    EncodeDisconnect(version, disconnect, out);
  }
  void operator()(const AuthView& auth) const { EncodeAuth(auth, out); }
};

}  // namespace

void EncodePacket(Version version, const Packet& packet, ByteBuffer& out) {
  std::visit(Encode{version, out}, packet);
}

}  // namespace tandem::mqtt
