// From a message to everybody who wants it: one walk of the trie, then local sessions, other cores,
// the other node.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "engine/broker/brakes.h"
#include "engine/broker/core_message.h"
#include "engine/broker/delivery.h"
#include "engine/broker/frontier.h"
#include "engine/broker/lent_messages.h"
#include "engine/broker/match_cache.h"
#include "engine/broker/peer_stream.h"
#include "engine/broker/retained_store.h"
#include "engine/broker/session_table.h"
#include "engine/broker/session_teller.h"
#include "engine/broker/shard_context.h"
#include "engine/broker/subscription_trie.h"

namespace tandem::broker {

// Whether a message becomes the retained one of its topic.
struct Retaining {
  enum class Kind : std::uint8_t {
    kNo,
    kYes,
    kIfRoom,  // if the topic's home core, which is another one, finds room for it
  };
  Kind kind = Kind::kNo;
  RetainedRoom room;  // held for it until it is stored
};

// One per shard.
class Router {
 public:
  Router(ShardContext& context, SubscriptionTrie& trie, SessionTable& sessions, Delivery& delivery,
         PeerStream& peer, RetainedStore& retained, SessionTeller& teller, LentMessages& lent,
         const Brakes& brakes)
      : context_(context),
        trie_(trie),
        matches_of_(trie),
        sessions_(sessions),
        delivery_(delivery),
        peer_(peer),
        retained_(retained),
        teller_(teller),
        lent_(lent),
        brakes_(brakes),
        core_groups_(context.cores) {
    routed_.Reset(context.cores);
  }

  struct Result {
    bool matched = false;  // some subscription somewhere in the cluster wants it
    // What an acknowledgement waits for: the last record that this routing caused (0: none), and
    // the last core that has to say that it has the message (RouteMessage::commit; 0: none).
    std::uint64_t peer_number = 0;
    std::uint64_t routed = 0;
    bool step_handed = false;  // that core tells the other node what it did to the publisher
  };
  // A message that a client of this core published, or a will of its session. `fields.topic` is
  // valid. `step` is what it does to the publisher's session, if the other node mirrors that.
  Result FromClient(const MessageFields& fields, const Retaining& retaining = {},
                    std::optional<PublisherStep> step = std::nullopt);
  // One that every core of both nodes makes for its own sessions, with QoS 0 ($SYS).
  // `chooses_members`: and this core for the shared groups, wherever their members are.
  void FromSystem(const MessageFields& fields, bool chooses_members);
  // From another core of this node.
  void FromCore(RouteMessage routed);
  void FromCore(const RouteBatch& batch);
  void FromCore(RetainMessage retain);
  // From the other node. The acknowledgement of the record waits for the cores it is relayed to.
  // Takes out of the record's places those whose copies have got the message in the routing.
  void FromPeer(PublishRecord&& record, const PeerOrigin& origin);
  void FromPeer(RetainedRecord record, const PeerOrigin& origin);

  // A message comes back from a member that left without acknowledging it: another member gets it
  // (P10), on whichever core. `back`: the place in the member's copy or the spare that it leaves,
  // if it has one.
  void ToGroup(const SharedKey& key, const MessagePtr& message, GivenBack back = {});

  // Once per turn: messages that found no member may have one now.
  void RetryParked();
  // The other node is gone, and what it kept.
  void ForgetSparesThere() noexcept {
    for (Parked& parked : parked_) parked.spare = 0;
  }

  // The core that holds the retained message of `topic`.
  CoreId RetainedHome(std::string_view topic) const noexcept;

  // Sessions whose queue overflowed under the policy "disconnect", since the last call.
  std::vector<SubscriberId> TakeOverflowed() { return std::exchange(overflowed_, {}); }

  // Of what it keeps about topics.
  std::size_t bytes() const noexcept { return matches_of_.bytes(); }

  // What other cores owe an answer for (RouteMessage::commit).
  Frontier& routed() noexcept { return routed_; }

 private:
  using Identifiers = absl::InlinedVector<std::uint32_t, 2>;
  // What the matching subscriptions of one session add up to (A6: one copy, highest QoS, all
  // identifiers).
  struct Match {
    Session* session = nullptr;
    mqtt::QoS qos{};
    bool retain_as_published = false;
    Identifiers identifiers;
  };
  // A message of a group that has copies of members, but no member: the session is about to change
  // its node.
  struct Parked {
    IntrusivePtr<SharedKey> group;
    MessagePtr message;
    std::uint16_t spare = 0;  // as in GivenBack
  };
  // A message for a group, on its way to a member that can take it.
  struct PassedOn {
    CoreId to{};
    IntrusivePtr<SharedKey> group;
    std::uint64_t tried = 0;  // as in RouteMessage
  };
  // Where one routing leads beyond this core.
  struct Targets {
    std::uint64_t cores = 0;
    bool peer = false;
    bool unasked = false;  // as in PublishRecord
    bool matched = false;
    bool steps_alone = false;               // as in RouteTerms
    const PublisherStep* handed = nullptr;  // as in RouteMessage
    std::uint16_t spare_keeper = 0;  // of what is chosen on this node; 0: the other node keeps none
    std::uint8_t hops = 0;           // as in RouteMessage
    std::uint64_t tried = 0;         // as in RouteMessage, of what is handed on from here
    std::vector<SharedTarget> peer_groups;
    std::vector<PassedOn> passed_on;
    bool new_spares = false;  // the other node is told to keep them, for
    std::vector<SharedTarget> own_groups;
  };

  void FindEntries(const MessageFields& fields);
  void FindMatches(const MessageFields& fields, Targets& targets);
  void DeliverMatches(RoutedMessage& message, bool steps_alone);
  void DeliverTo(std::span<const Subscription> subscribers, RoutedMessage& message,
                 bool steps_alone);
  void Merge(std::span<const Subscription> subscribers, const MessageFields& fields);
  void DeliverMerged(RoutedMessage& message, bool steps_alone);
  void Deliver(Session& session, RoutedMessage& message, const Delivery::Form& form);
  void ChooseMembers(RoutedMessage& message, Targets& targets);
  bool ConcernsPeer(const MessageFields& fields) const;
  bool StaysHere(const Targets& targets) const noexcept;
  bool ChooseMember(SharedGroup& group, RoutedMessage& message, Preference preference,
                    Targets& targets);
  bool ChooseIn(SharedGroup* group, RoutedMessage& message, Preference preference,
                Targets& targets);
  bool Park(SharedGroup& group, RoutedMessage& message, Targets& targets);
  static void NoteSpare(const SharedGroup& group, Targets& targets);
  bool DeliverToMember(SharedGroup& group, RoutedMessage& message, Targets& targets);
  bool PassOn(SharedGroup& group, RoutedMessage& message, Targets& targets);
  void GiveUp(const SharedKey& key, const RoutedMessage& message, const Targets& targets);
  void SendOnward(RoutedMessage& message, Targets& targets, const PeerOrigin& origin);
  bool NeedsAnswer(CoreId core, std::span<const IntrusivePtr<SharedKey>> groups,
                   const Targets& targets) const noexcept;
  std::uint64_t SendToCores(RoutedMessage& message, const Targets& targets, bool route, bool commit,
                            const PeerOrigin& origin);
  void SendToPeerGroups(RoutedMessage& message, Targets& targets, GivenBack back);
  bool HandsStep(const PublisherStep& step, const Targets& targets) const noexcept;
  void TellStep(PublisherStep&& step);
  Crossing CrossingOf(const RouteTerms& terms) const noexcept;
  bool MayReachOwners(const RouteTerms& terms) const noexcept;
  bool IsStepAlone(const RouteTerms& terms) const noexcept;
  std::uint16_t KeeperOf(const Spare& spare) const noexcept;
  std::uint16_t OwnKeeper() const noexcept;
  std::uint64_t OtherCores() const noexcept;
  void StoreRetained(MessagePtr message, const PeerOrigin& origin);
  void UpdateRetained(RoutedMessage& message, const PeerOrigin& origin,
                      const Retaining& retaining = {});

  ShardContext& context_;
  SubscriptionTrie& trie_;
  MatchCache matches_of_;
  SessionTable& sessions_;
  Delivery& delivery_;
  PeerStream& peer_;
  RetainedStore& retained_;
  SessionTeller& teller_;
  LentMessages& lent_;
  const Brakes& brakes_;
  Frontier routed_;

  std::uint64_t stamp_ = 0;                                        // of the present routing
  std::span<const FilterEntry* const> entries_;                    // of the present routing
  std::vector<Match> matches_;                                     // scratch
  std::vector<std::vector<IntrusivePtr<SharedKey>>> core_groups_;  // scratch, by core
  std::vector<SubscriberId> overflowed_;
  std::vector<Parked> parked_;
};

}  // namespace tandem::broker
