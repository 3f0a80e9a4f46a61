// One client's byte stream on the core that reads it: bytes into packets, frames into sends.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "engine/base/byte_buffer.h"
#include "engine/base/ids.h"
#include "engine/broker/admission.h"
#include "engine/net/buffer_pool.h"
#include "engine/net/gathered_packet.h"
#include "engine/net/output_queue.h"
#include "engine/reactor/transport.h"
#include "proto/mqtt/decoder.h"

namespace tandem::net {

// Lives from the transport's accept, or a move from another core, to its OnClosed.
class Connection {
 public:
  Connection(ConnectionId id, std::uint32_t listener, reactor::Endpoint peer,
             broker::Admission admission = broker::Admission::kGranted)
      : id_(id),
        listener_(listener),
        admission_(admission),
        peer_(std::move(peer)),
        decoder_(mqtt::Sender::kClient) {}

  ConnectionId id() const noexcept { return id_; }
  std::uint32_t listener() const noexcept { return listener_; }
  broker::Admission admission() const noexcept { return admission_; }
  const reactor::Endpoint& peer() const noexcept { return peer_; }
  mqtt::Decoder& decoder() noexcept { return decoder_; }
  OutputQueue& output() noexcept { return output_; }
  const OutputQueue& output() const noexcept { return output_; }

  // Decodes what stands in `fresh` behind what was kept, in place where possible, and hands each
  // packet to sink.OnPacket(packet, block) or sink.OnMalformed(result), until sink.wants_more() is
  // false. A packet that OnPacket does not take (false) and all that is left over is kept. `block`,
  // if there is one, holds the bytes of the packet, and may be held in turn. With nothing fresh it
  // goes on with what was kept.
  template <class Sink>
  void Receive(Bytes fresh, Sink& sink);

  // Bytes read and not yet decoded: they go along when the connection moves to another core.
  ByteBuffer TakeKept() noexcept { return std::move(kept_); }
  void Keep(ByteBuffer bytes) noexcept { kept_ = std::move(bytes); }
  std::size_t kept_bytes() const noexcept { return kept_.size(); }
  Bytes kept() const noexcept { return kept_.bytes(); }

  bool greeted = false;  // its CONNECT went to the shard of this core
  bool held = false;     // its last packet is being decided: no more packets
  bool paused = false;   // reading has been stopped to slow it down
  bool moving = false;   // on its way to another core
  bool closing = false;  // takes nothing more in; closes when what it has is sent
  bool reset = false;    // closes without waiting for that
  bool dirty = false;    // has something to flush

 private:
  // A peer that announces a large packet gets memory as its bytes come, not in advance (beyond this
  // much).
  static constexpr std::size_t kReserveMax = 256 * 1024;

  template <class Sink>
  std::size_t DecodeAll(Bytes bytes, Sink& sink, GatheredPacket* block = nullptr);
  Bytes Gather(Bytes fresh);
  template <class Sink>
  void DecodeGathered(Sink& sink);

  ConnectionId id_;
  std::uint32_t listener_;
  broker::Admission admission_;
  reactor::Endpoint peer_;
  mqtt::Decoder decoder_;
  ByteBuffer kept_;
  // Size of the packet that kept_ begins with, if that is known and it is not whole; else 0.
  std::size_t wanted_ = 0;
  bool ended_ = false;  // by a malformed packet
  OutputQueue output_;
};

// `block`: what `bytes` stand in, if they are one packet.
template <class Sink>
std::size_t Connection::DecodeAll(Bytes bytes, Sink& sink, GatheredPacket* block) {
  wanted_ = 0;
  std::size_t used = 0;
  while (used < bytes.size() && sink.wants_more()) {
    const mqtt::DecodeResult result = decoder_.Next(bytes.subspan(used));
    if (result.status == mqtt::DecodeStatus::kNeedMore) {
      wanted_ = result.size;
      break;
    }
    if (result.status == mqtt::DecodeStatus::kMalformed) {
      ended_ = true;
      sink.OnMalformed(result);
      return bytes.size();
    }
    if (!sink.OnPacket(result.packet, block)) break;
    used += result.size;
  }
  return used;
}

// Completes the packet that kept_ begins with, in one allocation and not beyond its end; yields
// what is left.
inline Bytes Connection::Gather(Bytes fresh) {
  const Bytes part = fresh.first(std::min(fresh.size(), wanted_ - kept_.size()));
  kept_.Reserve(std::min(wanted_, kept_.size() + part.size() + kReserveMax));
  kept_.Append(part);
  return fresh.subspan(part.size());
}

// kept_ is exactly one packet. A large PUBLISH leaves its bytes to the message.
template <class Sink>
void Connection::DecodeGathered(Sink& sink) {
  const bool is_publish = kept_.data()[0] >> 4 == static_cast<int>(mqtt::PacketType::kPublish);
  if (is_publish && kept_.size() >= GatheredPacket::kBytesMin && sink.wants_more()) {
    const auto gathered = GatheredPacket::Hold(std::move(kept_));
    DecodeAll(gathered->bytes(), sink, gathered.get());
  } else if (DecodeAll(kept_.bytes(), sink) != 0) {
    kept_.Release();
  }
}

template <class Sink>
void Connection::Receive(Bytes fresh, Sink& sink) {
  if (wanted_ > kept_.size()) {  // until the packet is whole nothing is decoded again
    fresh = Gather(fresh);
    if (kept_.size() < wanted_) return;
    DecodeGathered(sink);
  }
  if (ended_) return;  // nothing behind a malformed packet means anything
  if (!kept_.empty()) {
    kept_.Append(fresh);
    const std::size_t used = DecodeAll(kept_.bytes(), sink);
    used == kept_.size() ? kept_.Release() : kept_.Consume(used);
    return;
  }
  const Bytes left = fresh.subspan(DecodeAll(fresh, sink));
  wanted_ == 0 ? kept_.Append(left) : static_cast<void>(Gather(left));
}

}  // namespace tandem::net
