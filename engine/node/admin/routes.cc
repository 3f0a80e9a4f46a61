#include "engine/node/admin/routes.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "engine/node/admin/json.h"

namespace tandem::admin {
namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kPlainText = "text/plain; charset=utf-8";
constexpr std::string_view kPrometheusText = "text/plain; version=0.0.4; charset=utf-8";

Answer Json(unsigned code, std::string_view reason, const JsonWriter& json) {
  return {code, reason, kJson, json.text() + "\n"};
}

Answer Words(unsigned code, std::string_view reason, const Outcome& outcome) {
  return {code, reason, kPlainText, outcome.words + "\n"};
}

Answer Metrics(const Callbacks& callbacks) {
  return {200, "OK", kPrometheusText, callbacks.metrics()};
}

// One object with a verdict and, where it is no, the reason.
Answer Health(unsigned code, std::string_view reason, std::string_view verdict, NodeState state,
              std::string_view why) {
  JsonWriter json;
  json.BeginObject();
  json.Field(verdict, code == 200);
  json.Field("state", Name(state));
  if (code != 200) json.Field("reason", why);
  json.EndObject();
  return Json(code, reason, json);
}

Answer Live(const Callbacks& callbacks) {
  const NodeStatus node = callbacks.node();
  if (node.not_alive_because.empty()) return Health(200, "OK", "live", node.state, {});
  return Health(503, "Service Unavailable", "live", node.state, node.not_alive_because);
}

Answer Ready(const Callbacks& callbacks) {
  const NodeStatus node = callbacks.node();
  const std::string_view why =
      node.not_ready_because.empty() ? Name(node.state) : node.not_ready_because;
  switch (node.state) {
    case NodeState::kServing:
      return Health(200, "OK", "ready", node.state, {});
    case NodeState::kDraining:
      return Health(404, "Not Found", "ready", node.state, why);
    case NodeState::kStarting:
    case NodeState::kCatchingUp:
      break;
  }
  return Health(503, "Service Unavailable", "ready", node.state, why);
}

Answer SafeToStop(const Callbacks& callbacks) {
  const NodeStatus node = callbacks.node();
  if (node.safe_to_stop) return Health(200, "OK", "safe_to_stop", node.state, {});
  return Health(503, "Service Unavailable", "safe_to_stop", node.state, node.unsafe_because);
}

Answer Node(const Callbacks& callbacks) {
  const NodeStatus node = callbacks.node();
  JsonWriter json;
  json.BeginObject();
  json.Field("name", node.name);
  json.Field("version", node.version);
  json.Field("revision", node.revision);
  json.Field("state", Name(node.state));
  json.Field("ready", node.state == NodeState::kServing);
  json.Field("safe_to_stop", node.safe_to_stop);
  json.Seconds("uptime_seconds", node.uptime_ns);
  json.Field("cores", node.cores);
  json.Field("connections", node.connections);
  json.BeginObject("sessions");
  json.Field("online", node.sessions_online);
  json.Field("offline", node.sessions_offline);
  json.EndObject();
  json.Field("subscriptions", node.subscriptions);
  json.Field("retained_messages", node.retained_messages);
  json.Field("queued_messages", node.queued_messages);
  json.BeginObject("publish");
  json.Field("received", node.publish_received);
  json.Field("delivered", node.publish_delivered);
  json.Field("dropped", node.publish_dropped);
  json.EndObject();
  json.EndObject();
  return Json(200, "OK", json);
}

void WritePeer(JsonWriter& json, const PeerStatus& peer) {
  json.BeginObject("peer");
  json.Field("name", peer.name);
  json.Field("up", peer.up);
  json.Field("in_step", peer.in_step);
  if (peer.state) {
    json.Field("state", Name(*peer.state));
  } else {
    json.Null("state");
  }
  json.Field("version", peer.version);
  json.BeginArray("links");
  for (const LinkStatus& link : peer.links) {
    json.BeginObject();
    json.Field("address", link.address);
    json.Field("up", link.up);
    json.Seconds("round_trip_seconds", link.round_trip_ns);
    json.EndObject();
  }
  json.EndArray();
  json.Field("backlog_messages", peer.backlog_messages);
  json.Field("backlog_bytes", peer.backlog_bytes);
  json.EndObject();
}

void WriteWitness(JsonWriter& json, const WitnessStatus& witness) {
  json.BeginObject("witness");
  if (witness.reachable) {
    json.Field("reachable", *witness.reachable);
  } else {
    json.Null("reachable");
  }
  json.Field("error", witness.error);
  json.BeginObject("decisions");
  json.Field("won", witness.won);
  json.Field("lost", witness.lost);
  json.Field("unreachable", witness.unreachable);
  json.EndObject();
  json.EndObject();
}

Answer Cluster(const Callbacks& callbacks) {
  const ClusterStatus cluster = callbacks.cluster();
  JsonWriter json;
  json.BeginObject();
  json.Field("name", cluster.name);
  json.Field("role", cluster.role);
  json.Field("epoch", cluster.epoch);
  json.BeginObject("exposed");
  json.Field("messages", cluster.exposed_messages);
  json.Seconds("seconds", cluster.exposed_ns);
  json.EndObject();
  json.Field("standing", cluster.standing);
  json.Field("standing_because", cluster.standing_because);
  if (cluster.witness) {
    WriteWitness(json, *cluster.witness);
  } else {
    json.Null("witness");
  }
  if (cluster.peer) {
    WritePeer(json, *cluster.peer);
  } else {
    json.Null("peer");
  }
  json.EndObject();
  return Json(200, "OK", json);
}

void WriteConflict(JsonWriter& json, const MergeConflict& conflict, const Merges& merges) {
  json.BeginObject();
  json.Field("kind", conflict.kind);
  json.Field("key", conflict.key);
  if (!conflict.filter.empty()) json.Field("filter", conflict.filter);
  json.Field("winner", conflict.won_here ? merges.node : merges.partner);
  json.Field("here_at_ms", conflict.here_at_ms);
  json.Field("there_at_ms", conflict.there_at_ms);
  json.EndObject();
}

void WriteMerge(JsonWriter& json, const MergeStatus& merge, const Merges& merges) {
  json.BeginObject();
  json.Field("epoch", merge.epoch);
  json.Field("parted_at_ms", merge.parted_at_ms);
  json.Field("met_at_ms", merge.met_at_ms);
  json.Field("whole", merge.whole);
  json.BeginObject("counts");
  for (const auto& [what, count] : merge.counts) json.Field(what, count);
  json.EndObject();
  json.BeginArray("conflicts");
  for (const MergeConflict& conflict : merge.conflicts) WriteConflict(json, conflict, merges);
  json.EndArray();
  json.Field("conflicts_forgotten", merge.conflicts_forgotten);
  json.EndObject();
}

Answer MergesOfNode(const Callbacks& callbacks) {
  const Merges merges = callbacks.merges();
  JsonWriter json;
  json.BeginObject();
  json.Field("node", merges.node);
  json.Field("partner", merges.partner);
  json.BeginArray("merges");
  for (const MergeStatus& merge : merges.merges) WriteMerge(json, merge, merges);
  json.EndArray();
  json.EndObject();
  return Json(200, "OK", json);
}

struct Route {
  std::string_view path;
  Answer (*answer)(const Callbacks&);
};

constexpr Route kRoutes[] = {
    {"/metrics", Metrics},
    {"/health/live", Live},
    {"/health/ready", Ready},
    {"/health/safe-to-stop", SafeToStop},
    {"/api/v1/node", Node},
    {"/api/v1/cluster", Cluster},
    {"/api/v1/merges", MergesOfNode},
};

}  // namespace

Answer Get(std::string_view url, const Callbacks& callbacks) {
  const std::string_view path = url.substr(0, url.find('?'));
  const auto* route = std::find_if(std::begin(kRoutes), std::end(kRoutes),
                                   [&](const Route& r) { return r.path == path; });
  if (route != std::end(kRoutes)) return route->answer(callbacks);
  std::string known = "no such page; there are:\n";
  for (const Route& r : kRoutes) known += std::string(r.path) + "\n";
  return {404, "Not Found", kPlainText, std::move(known)};
}

Answer Post(std::string_view url, const Callbacks& callbacks) {
  const std::string_view path = url.substr(0, url.find('?'));
  const bool force = url.substr(path.size()) == "?force";
  if (path == "/api/v1/drain") {
    const Outcome outcome = callbacks.drain(force);
    if (callbacks.node().state != NodeState::kDraining) return Words(409, "Conflict", outcome);
    return outcome.done ? Words(200, "OK", outcome) : Words(202, "Accepted", outcome);
  }
  if (path == "/api/v1/resume" || path == "/api/v1/force-serve") {
    const Outcome outcome = path == "/api/v1/resume" ? callbacks.resume() : callbacks.force_serve();
    return outcome.done ? Words(200, "OK", outcome) : Words(409, "Conflict", outcome);
  }
  return {404, "Not Found", kPlainText,
          "nothing to do there; there are:\n"
          "/api/v1/drain\n/api/v1/resume\n/api/v1/force-serve\n"};
}

Answer MethodNotAllowed() {
  return {405, "Method Not Allowed", kPlainText, "only GET and HEAD; tandemctl changes things\n"};
}

}  // namespace tandem::admin
