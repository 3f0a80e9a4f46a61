// What a shard wants told to other cores, in order per core.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <variant>
#include <vector>

#include "engine/base/ids.h"
#include "engine/broker/core_message.h"

namespace tandem::broker {

struct CoreEffect {
  CoreId to{};
  CoreMessage message;
};

// A part of the outbox. Small messages for one core that follow one another become one effect.
class CoreEffects {
 public:
  void push_back(CoreEffect effect) {
    const std::size_t core = Index(effect.to);
    if (core >= last_.size()) last_.resize(core + 1);
    last_[core] = effects_.size();
    effects_.push_back(std::move(effect));
  }

  // `fields` are small (RouteBatch::IsSmall).
  void Route(CoreId to, const RouteTerms& terms, const MessageFields& fields) {
    RouteBatch* const open = LastBatch(to);
    if (open != nullptr && open->TryAdd(terms, fields)) return;
    push_back({to, RouteBatch(terms, fields)});
  }

  bool empty() const noexcept { return effects_.empty(); }
  std::size_t size() const noexcept { return effects_.size(); }
  const CoreEffect& operator[](std::size_t index) const { return effects_[index]; }
  void clear() noexcept { effects_.clear(); }
  auto begin() noexcept { return effects_.begin(); }
  auto end() noexcept { return effects_.end(); }

 private:
  // The last effect for the core, if that is a batch; null: it is not, or there is none.
  RouteBatch* LastBatch(CoreId core) noexcept {
    if (Index(core) >= last_.size()) return nullptr;
    const std::size_t index = last_[Index(core)];
    if (index >= effects_.size() || effects_[index].to != core) return nullptr;
    return std::get_if<RouteBatch>(&effects_[index].message);
  }

  std::vector<CoreEffect> effects_;
  // By core: where its last effect stands. Of before the last clear() while there is none: another
  // core's, or beyond the end.
  std::vector<std::size_t> last_;
};

}  // namespace tandem::broker
