// Small messages on their way from one core to another, packed into one block.
//
// Prefer a RouteMessage for what is large or concerns a shared group. A small message costs less
// copied than shared: its object would be made by one core and dropped by the other, with atomic
// counts and cache lines going to and fro, and a piece of mail for each message is moved four times
// on its way. Here it is written once and read once, in order, and whoever keeps it makes a message
// of his own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <type_traits>
#include <utility>

#include "engine/base/clock.h"
#include "engine/broker/message.h"
#include "engine/broker/peer_origin.h"

namespace tandem::broker {

// How a message came and where else it goes: what the messages of a batch have in common.
struct RouteTerms {
  MonoNs read_at = 0;       // by the node, from a client or the link
  PeerOrigin origin;        // of a batch: that of the last message
  std::uint64_t epoch = 0;  // that the sending core is in; 0: none
  bool unasked = false;     // as in PublishRecord
  bool crosses = false;     // to the other node, on its own
  // The other node is told what the message did to its publisher's session, but not the message
  // (PublisherStep). Copies get no place for it: the place would survive this node without that.
  bool steps_alone = false;
};

// Move-only, a single pointer; filled on one core and read on another. They are to be matched
// against the plain subscriptions, in their order. A batch is never empty. Its messages were
// numbered by one core (MessageId).
class RouteBatch {
 public:
  // Topic, properties and payload together; more is cheaper shared.
  static constexpr std::size_t kMessageBytesMax = 1024;
  // Of memory, for each batch.
  static constexpr std::size_t kBlockBytes = 8 * 1024;

  static bool IsSmall(const MessageFields& fields) noexcept {
    return fields.topic.size() + fields.properties.size() + fields.payload.size() <=
           kMessageBytesMax;
  }

  // With one message, which is small.
  RouteBatch(const RouteTerms& terms, const MessageFields& fields);

  // Adds a small message behind the others. False if it has other terms, was numbered by another
  // core or finds no room: then it needs a batch of its own.
  bool TryAdd(const RouteTerms& terms, const MessageFields& fields) {
    const bool fits = HasRoomFor(fields) && IsOfTheSame(terms, fields.id);
    if (fits) Write(terms.origin.number, fields);
    return fits;
  }

  const RouteTerms& terms() const noexcept { return block_->terms; }
  std::uint32_t messages() const noexcept { return block_->messages; }
  // How many of them, the last ones, are of the last record in `terms().origin`.
  std::uint32_t parts() const noexcept { return block_->parts; }

  const MessageId& last_message() const noexcept { return block_->last_message; }

  // fn(const MessageFields&), oldest first; the views are good while the batch lives.
  template <class Fn>
  void Each(Fn&& fn) const {
    const std::byte* place = block_->bytes();
    const std::byte* const end = place + block_->used_bytes;
    const std::byte* asked = place;
    while (place != end) {
      // They lie in the other core's cache, and come while those before them are handed out.
      for (; asked < end && asked < place + kAskedBytes; asked += kCacheLineBytes)
        __builtin_prefetch(asked);
      fn(Read(place));
    }
  }

 private:
  friend class EmptiedBatches;
  struct Block {
    RouteTerms terms;
    std::uint32_t messages = 0;
    std::uint32_t parts = 0;
    std::uint32_t used_bytes = 0;
    MessageId last_message;
    Block* next = nullptr;  // goes with it: EmptiedBatches
    std::byte* bytes() noexcept { return reinterpret_cast<std::byte*>(this + 1); }
  };
  struct GiveBack {
    void operator()(Block* block) const noexcept;
  };
  // Stands before the time of expiry, if there is one, and the bytes of topic, properties and
  // payload. Nothing is aligned. The less of it, the fewer cache lines change cores.
  struct Head {
    Hlc hlc;
    std::uint64_t publisher;
    std::uint64_t number;  // of the id; the rest of it is the last message's
    std::uint16_t topic_bytes;
    std::uint16_t property_bytes;
    std::uint16_t payload_bytes;
    mqtt::QoS qos;
    bool retain : 1;
    bool expires : 1;
  };
  static_assert(sizeof(Head) == 32 && kMessageBytesMax <= UINT16_MAX);
  static_assert(std::is_trivially_copyable_v<Head> && std::is_trivially_destructible_v<Block>);
  static constexpr std::size_t kBytesMax = kBlockBytes - sizeof(Block);
  static_assert(sizeof(Head) + sizeof(MonoNs) + kMessageBytesMax <= kBytesMax);
  static constexpr std::size_t kCacheLineBytes = 64;
  // So far ahead of the message that is read or written: a few messages.
  static constexpr std::size_t kAskedBytes = 10 * kCacheLineBytes;
  static constexpr std::size_t kWantedBytes = 6 * kCacheLineBytes;

  bool HasRoomFor(const MessageFields& fields) const noexcept {
    return sizeof(Head) + sizeof(MonoNs) + fields.topic.size() + fields.properties.size() +
               fields.payload.size() <=
           kBytesMax - block_->used_bytes;
  }
  bool IsOfTheSame(const RouteTerms& terms, const MessageId& id) const noexcept {
    const RouteTerms& own = block_->terms;
    const MessageId& last = block_->last_message;
    return terms.read_at == own.read_at && terms.origin.epoch == own.origin.epoch &&
           terms.origin.stream == own.origin.stream && terms.unasked == own.unasked &&
           terms.epoch == own.epoch && terms.crosses == own.crosses &&
           terms.steps_alone == own.steps_alone && id.node == last.node && id.core == last.core &&
           id.incarnation == last.incarnation;
  }
  MessageFields Read(const std::byte*& place) const noexcept;
  void Write(std::uint64_t origin, const MessageFields& fields) noexcept;

  std::unique_ptr<Block, GiveBack> block_;
};

// Batches that have been read, on their way back to the core that filled them, some at a time.
// Where messages go one way only, their memory would else be the heap's at one end, never warm at
// the other.
class EmptiedBatches {
 public:
  // 64 KiB, some 400 messages of 64 bytes.
  static constexpr std::uint32_t kBatchesMax = 8;

  // Move-only; what dies with it is memory of the thread's BlockCache.
  EmptiedBatches() = default;
  EmptiedBatches(EmptiedBatches&& other) noexcept
      : first_(std::move(other.first_)), count_(std::exchange(other.count_, 0)) {}
  EmptiedBatches& operator=(EmptiedBatches&& other) noexcept {
    first_ = std::move(other.first_);
    count_ = std::exchange(other.count_, 0);
    return *this;
  }

  void Add(RouteBatch batch) noexcept {
    batch.block_->next = first_.release();
    first_ = std::move(batch.block_);
    ++count_;
  }
  bool is_full() const noexcept { return count_ >= kBatchesMax; }
  std::uint32_t count() const noexcept { return count_; }

 private:
  std::unique_ptr<RouteBatch::Block, RouteBatch::GiveBack> first_;
  std::uint32_t count_ = 0;
};

inline MessageFields RouteBatch::Read(const std::byte*& place) const noexcept {
  Head head;
  std::memcpy(&head, place, sizeof head);
  place += sizeof head;
  MessageFields fields;
  if (head.expires) {
    std::memcpy(&fields.expires_at, place, sizeof fields.expires_at);
    place += sizeof fields.expires_at;
  }
  const auto* const topic = reinterpret_cast<const std::uint8_t*>(place);
  const std::uint8_t* const properties = topic + head.topic_bytes;
  const std::uint8_t* const payload = properties + head.property_bytes;
  place = reinterpret_cast<const std::byte*>(payload + head.payload_bytes);
  fields.topic = AsText({topic, head.topic_bytes});
  fields.properties = {properties, head.property_bytes};
  fields.payload = {payload, head.payload_bytes};
  fields.qos = head.qos;
  fields.retain = head.retain;
  fields.hlc = head.hlc;
  fields.publisher = head.publisher;
  fields.id = block_->last_message;
  fields.id.number = head.number;
  return fields;
}

}  // namespace tandem::broker
