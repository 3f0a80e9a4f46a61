#include "proto/mqtt/decoder.h"

#include <algorithm>

#include "proto/mqtt/packet_decoders.h"
#include "proto/mqtt/packet_set.h"
#include "proto/mqtt/primitives.h"
#include "proto/mqtt/version.h"

namespace tandem::mqtt {
namespace {

using enum PacketType;

// Table 2-1, the column "direction of flow". In 3.x a server does not send DISCONNECT, and AUTH
// does not exist.
constexpr PacketSet kFromClient{kConnect,   kPublish,     kPuback,  kPubrec,     kPubrel, kPubcomp,
                                kSubscribe, kUnsubscribe, kPingreq, kDisconnect, kAuth};
constexpr PacketSet kFromServer{kConnack, kPublish,  kPuback,   kPubrec,     kPubrel, kPubcomp,
                                kSuback,  kUnsuback, kPingresp, kDisconnect, kAuth};

struct Fault {
  ReasonCode reason = ReasonCode::kSuccess;
  const char* explanation = nullptr;  // none if there is no fault
};

// 2.1.3. 3.1 has DUP in the packets that it asks to repeat, and says nothing of a receiver that
// checks.
bool AreFlagsValid(Version version, PacketType type, std::uint8_t flags) noexcept {
  switch (type) {
    case kPublish:
      return (flags & 0x06) != 0x06;  // QoS 3 [MQTT-3.3.1-4]
    case kPubrel:
    case kSubscribe:
    case kUnsubscribe:
      return flags == 0x02 || version == Version::k31;
    default:
      return flags == 0;
  }
}

Fault CheckFirstByte(DecodeContext context, PacketType type, std::uint8_t flags) noexcept {
  if (type == PacketType{0} || (type == kAuth && context.version != Version::k5)) {
    return {ReasonCode::kMalformedPacket, "a reserved packet type"};
  }
  const bool is_client = context.sender == Sender::kClient;
  if (!(is_client ? kFromClient : kFromServer).Has(type) ||
      (type == kDisconnect && !is_client && context.version != Version::k5)) {
    return {ReasonCode::kProtocolError, "a packet that only the other side may send"};
  }
  if (!AreFlagsValid(context.version, type, flags)) {
    return {ReasonCode::kMalformedPacket, "wrong flags in the fixed header"};
  }
  return {};
}

void Refuse(DecodeResult& result, Fault fault) noexcept {
  result.status = DecodeStatus::kMalformed;
  result.reason = fault.reason;
  result.explanation = fault.explanation;
}

// The body of any packet type whose first byte has passed CheckFirstByte.
void DecodeBody(DecodeContext context, std::uint8_t first_byte, Reader& in,
                DecodeResult& result) noexcept {
  const auto type = static_cast<PacketType>(first_byte >> 4);
  Packet& packet = result.packet;
  switch (type) {
    case kPublish:
      return DecodePublish(context, first_byte & 0x0F, in, packet.emplace<PublishView>());
    case kPuback:
    case kPubrec:
    case kPubrel:
    case kPubcomp:
      return DecodeAck(context, type, in, packet.emplace<AckView>());
    case kConnect:
      return DecodeConnect(in, result.requested_level, packet.emplace<ConnectView>());
    case kConnack:
      return DecodeConnack(context, in, packet.emplace<ConnackView>());
    case kSubscribe:
      return DecodeSubscribe(context, in, packet.emplace<SubscribeView>());
    case kSuback:
      return DecodeSuback(context, in, packet.emplace<SubackView>());
    case kUnsubscribe:
      return DecodeUnsubscribe(context, in, packet.emplace<UnsubscribeView>());
    case kUnsuback:
      return DecodeUnsuback(context, in, packet.emplace<UnsubackView>());
    case kPingreq:
      packet.emplace<PingreqView>();
      return;
    case kPingresp:
      packet.emplace<PingrespView>();
      return;
    case kDisconnect:
      return DecodeDisconnect(context, in, packet.emplace<DisconnectView>());
    case kAuth:
      return DecodeAuth(context, in, packet.emplace<AuthView>());
  }
}

}  // namespace

DecodeResult Decoder::Next(Bytes in) noexcept {
  DecodeResult result;
  if (in.empty()) return result;
  const std::uint8_t first_byte = in[0];
  const auto type = static_cast<PacketType>(first_byte >> 4);
  const DecodeContext context{version_, sender_};
  const bool is_first_connect = sender_ == Sender::kClient && !connected_;
  if (is_first_connect && first_byte != 0x10) {
    Refuse(result, {ReasonCode::kProtocolError, "the first packet is not CONNECT"});
    return result;
  }
  if (const Fault fault = CheckFirstByte(context, type, first_byte & 0x0F);
      fault.explanation != nullptr) {
    Refuse(result, fault);
    return result;
  }

  const VarInt length = ReadVarInt(in.subspan(1));
  if (length.status == VarInt::Status::kNeedMore) return result;
  if (length.status == VarInt::Status::kTooLong) {
    Refuse(result, {ReasonCode::kMalformedPacket, "the remaining length has more than four bytes"});
    return result;
  }
  result.size = 1 + length.size + length.value;
  if (result.size > (is_first_connect ? kConnectPacketBytesMax : packet_bytes_max_)) {
    Refuse(result, {ReasonCode::kPacketTooLarge, "the packet is above the size limit"});
    return result;
  }
  constexpr Fault kNotShortest{ReasonCode::kMalformedPacket,
                               "the remaining length is not in its shortest form"};
  if (!length.is_shortest && type != kConnect && version_ == Version::k5) {
    Refuse(result, kNotShortest);
    return result;
  }
  if (in.size() < result.size) return result;

  Reader body(in.subspan(1 + length.size, length.value));
  DecodeBody(context, first_byte, body, result);
  if (body.left() != 0) body.RefuseMalformed("surplus bytes at the end of the packet");
  if (!body.ok()) {
    Refuse(result, {body.reason(), body.explanation()});
    return result;
  }
  if (type == kConnect) {
    const Version version = std::get<ConnectView>(result.packet).version;
    if (!length.is_shortest && version == Version::k5) {
      Refuse(result, kNotShortest);
      return result;
    }
    if (is_first_connect) set_version(version);
  }
  result.status = DecodeStatus::kPacket;
  return result;
}

}  // namespace tandem::mqtt
