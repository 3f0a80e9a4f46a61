// Publishers that are read more slowly, or acknowledged later, than they would like.
#include <utility>

#include "engine/base/check.h"
#include "engine/broker/shard.h"

namespace tandem::broker {

// What makes a client wait is told to the core as one thing.
void Shard::UpdateReading(Client& client) {
  if (client.stage != Client::Stage::kConnected || client.leaving) return;
  // A slow publisher that is a subscriber, too, is read on for its acknowledgements: others may be
  // waiting for those. Its own packets are bounded by its window, which closes.
  const bool pauses = client.throttled || (client.slowed && client.session->queue.empty());
  if (client.paused == pauses) return;
  client.paused = pauses;
  if (pauses) {
    context_.outbox.Pause(client.id);
  } else {
    context_.outbox.connections.push_back(
        {.kind = ConnectionEffect::Kind::kResume, .connection = client.id});
  }
}

// Reads no more from a publisher that is ahead of the other node, of another core, or of what it
// may have unacknowledged.
void Shard::Throttle(Client& client) {
  if (client.throttled || client.stage != Client::Stage::kConnected) return;
  client.throttled = true;
  throttled_.push_back(client.id);
  UpdateReading(client);
}

void Shard::Unthrottle() {
  if (throttled_.empty() || mail_full_ ||
      peer_.backlog_bytes() > context_.config.peer_backlog_bytes_max / 2) {
    return;
  }
  std::erase_if(throttled_, [this](ConnectionId id) {
    Client* const client = FindClient(id);
    if (client == nullptr || client->stage != Client::Stage::kConnected) return true;
    if (client->leaving) return true;
    if (client->version != mqtt::Version::k5 &&
        client->unacknowledged >= context_.config.receive_maximum) {
      // QoS 2 flows end with the client's PUBREL, which must be read.
      if (client->unacknowledged > client->session->received_ids.size()) return false;
    }
    client->throttled = false;
    UpdateReading(*client);
    return true;
  });
}

void Shard::SetMailFull(bool full) {
  mail_full_ = full;
  Unthrottle();
}

// The client has sent a message, or is to have it acknowledged, although its brake is on
// (Congestion): from now on its PUBACKs and PUBRECs wait, so that its window closes, and it is read
// no more if nobody waits for what it has to say.
void Shard::SlowDown(Client& client) {
  const std::uint64_t publisher = client.session->client_hash;
  if (client.slowed || client.leaving || !brakes_.IsOn(publisher)) return;
  client.slowed = true;
  slowed_[client.id].since = context_.now.mono_ns;
  brakes_.Felt(publisher, client.id);
  context_.metrics.PublisherPaused();
  UpdateReading(client);
}

// The packet's position is reached. Its brake may have come with that: the core that set it has
// seen the message first.
void Shard::WriteUnlessBraked(Client& client, HeldPacket packet) {
  if (packet.type != mqtt::PacketType::kPuback && packet.type != mqtt::PacketType::kPubrec)
    return Write(client, packet);
  if (brakes_.any()) SlowDown(client);
  if (!client.slowed) return Write(client, packet);
  slowed_[client.id].withheld.push_back(std::move(packet));
}

void Shard::GoOn(Client& client) {
  client.slowed = false;
  const auto slowed = slowed_.extract(client.id);
  context_.metrics.PublisherResumed(context_.now.mono_ns - slowed.mapped().since);
  for (const HeldPacket& packet : slowed.mapped().withheld) Write(client, packet);
  UpdateReading(client);
}

// The connection ends as it is: what it was not told is not promised.
void Shard::ForgetSlowed(Client& client) {
  if (!std::exchange(client.slowed, false)) return;
  brakes_.Forget(client.session->client_hash, client.id);
  const auto slowed = slowed_.extract(client.id);
  context_.metrics.PublisherResumed(context_.now.mono_ns - slowed.mapped().since);
}

// Once per turn.
void Shard::ReleaseSlowed() {
  for (const ConnectionId id : brakes_.TakeReleased()) {
    Client* const client = FindClient(id);
    if (client != nullptr && client->slowed) GoOn(*client);
  }
  // They have got something to acknowledge.
  for (const ConnectionId id : delivery_.TakePausedReceivers()) {
    if (Client* const client = FindClient(id)) UpdateReading(*client);
  }
}

// The other node is gone, or begins anew: its brakes and numbers mean nothing any longer.
void Shard::ForgetBrakesOfPeer() {
  brakes_.ForgetPeer();
  congestion_.ForgetPeer();
}

}  // namespace tandem::broker
