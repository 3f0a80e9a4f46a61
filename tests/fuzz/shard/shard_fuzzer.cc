// Any bytes are a story of several clients and two nodes, in which everything must hold that
// broker_program.h names.
#include <cstddef>
#include <cstdint>
#include <string>

#include "engine/base/check.h"
#include "tests/support/broker_program.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string problem = tandem::testing::RunBrokerProgram({data, size});
  TANDEM_CHECK_MSG(problem.empty(), problem);
  return 0;
}
