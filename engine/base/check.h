// Invariants. A failed check is a bug of ours: the process ends at once, so that nothing wrong is
// written, and the partner takes over. TANDEM_CHECK stays on in release builds; TANDEM_DCHECK is
// for checks that a profile has shown to cost.
#pragma once

#include <string_view>

namespace tandem::internal {
[[noreturn]] void CheckFailed(const char* file, int line, const char* condition,
                              std::string_view message) noexcept;
}  // namespace tandem::internal

#define TANDEM_CHECK(condition)                      \
  (__builtin_expect(static_cast<bool>(condition), 1) \
       ? static_cast<void>(0)                        \
       : ::tandem::internal::CheckFailed(__FILE__, __LINE__, #condition, std::string_view{}))
#define TANDEM_CHECK_MSG(condition, message)         \
  (__builtin_expect(static_cast<bool>(condition), 1) \
       ? static_cast<void>(0)                        \
       : ::tandem::internal::CheckFailed(__FILE__, __LINE__, #condition, (message)))

#ifdef NDEBUG
#define TANDEM_DCHECK(condition) static_cast<void>(0)
#else
#define TANDEM_DCHECK(condition) TANDEM_CHECK(condition)
#endif
