// Any bytes are a list of operations on the subscription trie, which has to do what its plain model
// does.
#include <cstddef>
#include <cstdint>
#include <string>

#include "engine/base/check.h"
#include "tests/engine/broker/trie_model.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string difference = tandem::broker::RunAgainstModel({data, size});
  TANDEM_CHECK_MSG(difference.empty(), difference);
  return 0;
}
