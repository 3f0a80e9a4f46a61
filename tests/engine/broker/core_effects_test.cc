#include "engine/broker/core_effects.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tandem::broker {
namespace {

// "core: what", a batch by its payloads.
std::vector<std::string> Told(CoreEffects& effects) {
  std::vector<std::string> told;
  for (const CoreEffect& effect : effects) {
    std::string text = std::to_string(Index(effect.to)) + ":";
    if (const auto* const batch = std::get_if<RouteBatch>(&effect.message)) {
      batch->Each([&](const MessageFields& fields) { text += AsText(fields.payload); });
    } else {
      text += "other";
    }
    told.push_back(text);
  }
  return told;
}

void Route(CoreEffects& effects, std::uint16_t core, std::string_view payload,
           const RouteTerms& terms = {}) {
  effects.Route(CoreId{core}, terms, {.topic = "t", .payload = AsBytes(payload)});
}

using Texts = std::vector<std::string>;

TEST(CoreEffects, PacksMessagesForACoreWhateverOthersAreTold) {
  CoreEffects effects;
  Route(effects, 1, "a");
  Route(effects, 2, "b");
  effects.push_back({CoreId{3}, CoreInterestApplied{1}});
  Route(effects, 1, "c");
  Route(effects, 2, "d");
  EXPECT_EQ(Told(effects), (Texts{"1:ac", "2:bd", "3:other"}));
}

TEST(CoreEffects, KeepsTheOrderForEachCore) {
  CoreEffects effects;
  Route(effects, 1, "a");
  effects.push_back({CoreId{1}, CoreInterestApplied{1}});
  Route(effects, 1, "b");
  Route(effects, 1, "c", {.unasked = true});
  Route(effects, 1, "d");
  EXPECT_EQ(Told(effects), (Texts{"1:a", "1:other", "1:b", "1:c", "1:d"}));
}

TEST(CoreEffects, AddsNothingToWhatWasBeforeItsClearing) {
  CoreEffects effects;
  Route(effects, 2, "z");
  Route(effects, 1, "a");
  effects.clear();
  EXPECT_TRUE(effects.empty());
  Route(effects, 1, "b");  // stands where another core's stood
  Route(effects, 2, "c");
  EXPECT_EQ(Told(effects), (Texts{"1:b", "2:c"}));
  EXPECT_EQ(effects.size(), 2u);
}

}  // namespace
}  // namespace tandem::broker
