// How clients leave when it is the node that goes: all at once, or moved to the other node at a
// pace.
#include <algorithm>
#include <utility>

#include "engine/broker/shard.h"

namespace tandem::broker {

void Shard::DisconnectAll(mqtt::ReasonCode code, metrics::CloseReason reason,
                          std::string_view why) {
  const WillRule rule = peer_.up() ? WillRule::kWait : WillRule::kDue;
  for (const auto& client : clients_) {
    if (!client || client->stage == Client::Stage::kClosing) continue;
    if (client->stage == Client::Stage::kConnected) {
      Disconnect(*client, code, reason, why, rule);
    } else {
      Close(*client, reason);
    }
  }
}

// The partner may serve instead (O4). Clients that come back later than their wills would wait find
// that those have waited.
void Shard::OnClientsTaken(bool taken) {
  if (std::exchange(takes_clients_, taken) == taken) return;
  if (taken) {
    absence_waits_until_ = context_.now.mono_ns + context_.config.will_grace_ns;
  } else {
    DisconnectAll(mqtt::ReasonCode::kUseAnotherServer, metrics::CloseReason::kPartition,
                  "this node has lost its partner");
  }
}

// A client that is to leave is not read any more, so what it is owed only gets less.
bool Shard::MoveAway(std::size_t count) {
  bool some_stay = false;
  for (const auto& client : clients_) {
    // Who has not said CONNECT yet is answered when it does; a claim is let in, and moved then.
    if (!client) continue;
    some_stay |= client->stage == Client::Stage::kClaiming;
    if (client->stage != Client::Stage::kConnected) continue;
    if (!client->leaving && count != 0) {
      --count;
      BeginLeaving(*client);
    }
    if (!client->leaving || client->held != 0 || client->asking) {
      some_stay = true;
      continue;
    }
    Disconnect(*client, mqtt::ReasonCode::kUseAnotherServer, metrics::CloseReason::kDrained,
               "this node is being drained", WillRule::kWait);
  }
  return some_stay;
}

void Shard::BeginLeaving(Client& client) {
  client.leaving = true;
  if (client.slowed) {  // whoever waited for a slow subscriber need not do so here
    brakes_.Forget(client.session->client_hash, client.id);
    GoOn(client);
  }
  if (std::exchange(client.paused, true)) return;
  context_.outbox.Pause(client.id);
}

}  // namespace tandem::broker
