// DISCONNECT and AUTH (3.14, 3.15).
#include "proto/mqtt/packet_decoders.h"
#include "proto/mqtt/property_parser.h"

namespace tandem::mqtt {

using enum PropertyId;

void DecodeDisconnect(DecodeContext context, Reader& in, DisconnectView& disconnect) noexcept {
  if (context.version != Version::k5 || in.left() == 0) return;
  disconnect.reason = ReadReason(context, PacketType::kDisconnect, in);
  if (in.left() == 0) return;
  disconnect.properties =
      ReadProperties(PacketType::kDisconnect, context.sender, in, [&](const Property& property) {
        switch (property.id) {
          case kSessionExpiryInterval:
            disconnect.session_expiry_s = property.number;
            break;
          case kReasonString:
            disconnect.reason_string = AsText(property.data);
            break;
          case kServerReference:
            disconnect.server_reference = AsText(property.data);
            break;
          default:
            break;
        }
      });
}

void DecodeAuth(DecodeContext context, Reader& in, AuthView& auth) noexcept {
  if (in.left() != 0) {
    auth.reason = ReadReason(context, PacketType::kAuth, in);
    auth.properties =
        ReadProperties(PacketType::kAuth, context.sender, in, [&](const Property& property) {
          switch (property.id) {
            case kAuthenticationMethod:
              auth.authentication_method = AsText(property.data);
              break;
            case kAuthenticationData:
              auth.authentication_data = property.data;
              break;
            case kReasonString:
              auth.reason_string = AsText(property.data);
              break;
            default:
              break;
          }
        });
  }
  // The short form has no room for a method (3.15.2.1), and there is no AUTH without one
  // (3.15.2.2.2).
  if (!auth.authentication_method) in.Refuse(ReasonCode::kProtocolError, "AUTH without a method");
}

}  // namespace tandem::mqtt
