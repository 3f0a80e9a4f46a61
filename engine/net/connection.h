// One client's byte stream on the core that reads it: bytes into packets, frames into sends.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "engine/base/byte_buffer.h"
#include "engine/base/ids.h"
#include "engine/net/buffer_pool.h"
#include "engine/net/output_queue.h"
#include "engine/reactor/transport.h"
#include "proto/mqtt/decoder.h"

namespace tandem::net {

// Lives from the transport's accept, or a move from another core, to its OnClosed.
class Connection {
 public:
  Connection(ConnectionId id, std::uint32_t listener, reactor::Endpoint peer)
      : id_(id), listener_(listener), peer_(std::move(peer)), decoder_(mqtt::Sender::kClient) {}

  ConnectionId id() const noexcept { return id_; }
  std::uint32_t listener() const noexcept { return listener_; }
  const reactor::Endpoint& peer() const noexcept { return peer_; }
  mqtt::Decoder& decoder() noexcept { return decoder_; }
  OutputQueue& output() noexcept { return output_; }

  // Decodes what stands in `fresh` behind what was kept, in place where possible, and hands each
  // packet to sink.OnPacket(packet) or sink.OnMalformed(result), until sink.wants_more() is false.
  // A packet that OnPacket does not take (false) and all that is left over is kept.
  template <class Sink>
  void Receive(Bytes fresh, Sink& sink);
  // The same with what was kept.
  template <class Sink>
  void ReceiveKept(Sink& sink) {
    Receive({}, sink);
  }

  // Bytes read and not yet decoded: they go along when the connection moves to another core.
  ByteBuffer TakeKept() noexcept { return std::move(kept_); }
  void Keep(ByteBuffer bytes) noexcept { kept_ = std::move(bytes); }
  std::size_t kept_bytes() const noexcept { return kept_.size(); }
  Bytes kept() const noexcept { return kept_.bytes(); }

  bool greeted = false;  // its CONNECT went to the shard of this core
  bool held = false;     // its CONNECT is being decided: no more packets
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
  std::size_t DecodeAll(Bytes bytes, Sink& sink);

  ConnectionId id_;
  std::uint32_t listener_;
  reactor::Endpoint peer_;
  mqtt::Decoder decoder_;
  ByteBuffer kept_;
  std::size_t wanted_ = 0;  // size of the packet that kept_ begins with, if known
  OutputQueue output_;
};

template <class Sink>
std::size_t Connection::DecodeAll(Bytes bytes, Sink& sink) {
  std::size_t used = 0;
  while (used < bytes.size() && sink.wants_more()) {
    const mqtt::DecodeResult result = decoder_.Next(bytes.subspan(used));
    if (result.status == mqtt::DecodeStatus::kNeedMore) {
      wanted_ = result.size;
      break;
    }
    if (result.status == mqtt::DecodeStatus::kMalformed) {
      sink.OnMalformed(result);
      return bytes.size();  // nothing behind it means anything
    }
    if (!sink.OnPacket(result.packet)) break;
    used += result.size;
  }
  return used;
}

template <class Sink>
void Connection::Receive(Bytes fresh, Sink& sink) {
  if (kept_.empty()) {
    wanted_ = 0;
    const std::size_t used = DecodeAll(fresh, sink);
    if (used == fresh.size()) return;
    // A large packet is gathered in one allocation; until it is whole nothing is decoded again.
    kept_.Reserve(std::min(wanted_, fresh.size() - used + kReserveMax));
    kept_.Append(fresh.subspan(used));
    return;
  }
  kept_.Append(fresh);
  if (kept_.size() < wanted_) return;
  wanted_ = 0;
  const std::size_t used = DecodeAll(kept_.bytes(), sink);
  if (used == kept_.size()) {
    kept_.Release();
  } else {
    kept_.Consume(used);
  }
}

}  // namespace tandem::net
