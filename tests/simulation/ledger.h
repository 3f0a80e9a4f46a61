// What was promised to whom in a simulated story, and whether it was kept: an oracle that knows
// MQTT and nothing of the broker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "tests/support/mqtt_client.h"

namespace tandem::testing {

// What may go wrong without anybody being to blame, because of what happened in the story.
struct Excuses {
  bool lost = false;      // a message that a member of the audience never got
  bool repeated = false;  // QoS 2 twice
  bool reordered = false;
};

// Nodes, a bit each.
using NodeSet = unsigned;
inline constexpr NodeSet kBothNodes = 3;
inline constexpr NodeSet kNoNode = 4;  // knows what is known there
inline constexpr NodeSet OneNode(std::size_t node) { return 1u << node; }

class Ledger {
 public:
  // Somebody with a session that gets messages. `persistent`: it outlives connections.
  void AddSubscriber(const std::string& id, bool persistent, int qos);
  // The same for a member of the one shared group.
  void AddMember(const std::string& id, bool persistent, int qos);

  // From SUBACK until UNSUBSCRIBE is sent the subscriber is owed what is published on the nodes
  // that know of the subscription: one that confirms it while it does not see the other one is
  // alone with it until they are in step again.
  void OnSubscribed(const std::string& id, const std::string& filter, NodeSet known_on);
  void OnUnsubscribing(const std::string& id, const std::string& filter);
  // Nothing is owed to the session any longer.
  void OnSessionOver(const std::string& id);

  // `payload` is unique. Sequences rise with each message of a publisher.
  void OnPublish(const std::string& publisher, const std::string& topic, const std::string& payload,
                 int qos, NodeSet on);
  void OnAcknowledged(const std::string& payload);
  // To a node that may be another one: nobody knows which of them took it.
  void OnResent(const std::string& payload, NodeSet on);
  void OnReceived(const std::string& id, const Received& message);
  // The nodes do not see each other any more, and both go on. What a subscriber without a copy on
  // the other node, who is connected to `node`, has not got by now may be there and lost; and so is
  // what comes there from now on.
  void OnParted(const std::string& id, std::size_t node);
  // They are in step: both know what one knew.
  void OnInStep();
  // A node has died. What its routing passed over, since the subscription was not there yet or no
  // longer, may be late: the survivor cannot tell it from what was placed and not told.
  void OnNodeDied() { node_died_ = true; }

  // Whether a session is to get it, and has not, that outlives its node.
  bool IsOutstanding(const std::string& payload) const;

  // At the end, when everything has come to rest.
  void CheckAllArrived(const Excuses& excuses);
  std::vector<std::string> violations;

 private:
  struct Published {
    std::string publisher;
    std::string topic;
    int qos = 0;
    std::uint64_t sequence = 0;
    NodeSet on = 0;  // the nodes that it was sent to
    bool acknowledged = false;
    bool resent = false;
  };
  struct Subscriber {
    bool persistent = false;
    bool member = false;
    int qos = 0;
    std::map<std::string, NodeSet> filters;  // and the nodes that know of them
    std::set<std::string> owed;
    std::map<std::string, int> got;
    std::map<std::string, int> got_once_only;  // at QoS 2
    std::map<std::tuple<std::string, std::string, int>, std::uint64_t> last;

    bool IsOwed(const Published& published) const;
  };
  void CheckOrder(const std::string& id, Subscriber& subscriber, const Published& published,
                  const std::string& payload);
  void CheckGroup(const Excuses& excuses);

  std::map<std::string, Published> published_;
  std::map<std::string, Subscriber> subscribers_;
  std::set<std::string> owed_to_group_;
  std::uint64_t sequence_ = 0;
  bool node_died_ = false;

 public:
  std::vector<std::string> order_violations;
};

}  // namespace tandem::testing
