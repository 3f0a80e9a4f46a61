// One function object of several: std::visit(Overloaded{[](A&) {...}, [](B&) {...}}, variant).
#pragma once

namespace tandem {

template <class... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};
// clang 14 cannot deduce it by itself.
template <class... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

}  // namespace tandem
