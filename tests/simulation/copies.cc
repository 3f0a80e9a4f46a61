#include "tests/simulation/copies.h"

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"

namespace tandem::testing {
namespace {

using broker::OutboundMessage;
using broker::OutboundState;
using broker::Role;
using broker::Session;

std::string Text(const MessageId& id) {
  return absl::StrCat(static_cast<int>(id.node), ".", Index(id.core), ".",
                      static_cast<std::uint64_t>(id.incarnation), ".", id.number);
}

std::string Text(const std::unique_ptr<broker::Will>& will) {
  if (!will) return "no will";
  return absl::StrCat("will on ", will->topic, ": ",
                      std::string(will->payload.begin(), will->payload.end()));
}

// All of a session that its copy must have as well. Whether a message was sent is the owner's
// business.
std::string ContentOf(Session& session) {
  std::string text = absl::StrCat("started ", session.started_at, "; expiry ", session.expiry_s,
                                  "; ", Text(session.will), ";");
  for (const auto& [filter, state] : session.subscriptions) {
    absl::StrAppend(&text, " ", filter, "@", static_cast<int>(state.options.qos), "/",
                    state.identifier);
  }
  absl::StrAppend(&text, "; queue");
  session.queue.ForEach([&](std::uint64_t number, OutboundMessage& message) {
    absl::StrAppend(&text, " ", number, ":");
    if (message.state == OutboundState::kReleased) {
      absl::StrAppend(&text, "released");
      return;
    }
    absl::StrAppend(&text, message.message ? Text(message.message->id()) : "missing", "@",
                    static_cast<int>(message.qos), message.retain ? "r" : "", "/",
                    message.identifier);
  });
  const std::set<std::uint16_t> ids(session.received_ids.begin(), session.received_ids.end());
  absl::StrAppend(&text, "; received");
  for (const std::uint16_t id : ids) absl::StrAppend(&text, " ", id);
  return text;
}

struct Holder {
  std::size_t node = 0;
  Session* session = nullptr;
};

void CompareSession(const std::string& id, const std::vector<Holder>& holders,
                    std::vector<std::string>& differences) {
  const auto owners = std::count_if(holders.begin(), holders.end(), [](const Holder& holder) {
    return holder.session->role == Role::kOwner;
  });
  if (owners != 1) {
    differences.push_back(absl::StrCat("session ", id, " has ", owners, " owners"));
    return;
  }
  const Holder& owner = holders[holders[0].session->role == Role::kOwner ? 0 : 1];
  const bool needs_copy = owner.session->persistent() || owner.session->will;
  if (holders.size() == 1) {
    if (needs_copy) differences.push_back(absl::StrCat("session ", id, " has no copy"));
    return;
  }
  const Holder& copy = holders[holders[0].session->role == Role::kOwner ? 1 : 0];
  const std::string owned = ContentOf(*owner.session);
  const std::string copied = ContentOf(*copy.session);
  if (owned == copied) return;
  differences.push_back(absl::StrCat("session ", id, "\n    on node ", owner.node, ": ", owned,
                                     "\n    copy on ", copy.node, ": ", copied));
}

std::map<std::string, std::string> RetainedOf(BrokerWorld& world, std::size_t node) {
  std::map<std::string, std::string> retained;
  for (std::size_t core = 0; core < world.cores(node); ++core) {
    const auto page = world.shard(node, core).retained().Walk("", SIZE_MAX, SIZE_MAX);
    for (const broker::MessagePtr& message : page.messages) {
      retained[std::string(message->topic())] =
          absl::StrCat(Text(message->id()), " ", std::string(AsText(message->payload())).c_str());
    }
  }
  return retained;
}

}  // namespace

std::vector<std::string> DifferencesBetweenNodes(BrokerWorld& world) {
  std::map<std::string, std::vector<Holder>> sessions;
  for (std::size_t node = 0; node < 2; ++node) {
    for (std::size_t core = 0; core < world.cores(node); ++core) {
      const broker::SessionTable& table = world.shard(node, core).sessions();
      for (std::size_t slot = 0; slot < table.slots(); ++slot) {
        if (Session* const session = table.Get(static_cast<broker::SubscriberId>(slot)))
          sessions[session->client_id].push_back({node, session});
      }
    }
  }
  std::vector<std::string> differences;
  for (const auto& [id, holders] : sessions) CompareSession(id, holders, differences);
  const auto retained = std::array{RetainedOf(world, 0), RetainedOf(world, 1)};
  if (retained[0] != retained[1]) {
    std::string text = "the retained messages differ";
    for (std::size_t node = 0; node < 2; ++node) {
      absl::StrAppend(&text, "\n    on node ", node, ":");
      for (const auto& [topic, value] : retained[node])
        absl::StrAppend(&text, " ", topic, "=", value);
    }
    differences.push_back(std::move(text));
  }
  return differences;
}

}  // namespace tandem::testing
