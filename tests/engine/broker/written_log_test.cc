#include "engine/broker/written_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/engine/metrics/text_of.h"

namespace tandem::broker {
namespace {

using metrics::DeliveryPath;
using ::testing::HasSubstr;

TEST(WrittenLog, CountsWhatIsRoutedByItsWayAndAge) {
  WrittenLog log;
  metrics::BrokerMetrics metrics;
  for (int message = 0; message < 2; ++message) {
    const WrittenLog::Routing routing(log, 1'000'000, DeliveryPath::kLocal);
    log.Add();
    log.Add();
  }
  {
    const WrittenLog::Routing routing(log, 500'000, DeliveryPath::kCore);
    log.Add();
  }
  { const WrittenLog::Routing nobody_wants_it(log, 700'000, DeliveryPath::kPeer); }
  log.Add();  // waited in a queue
  log.Flush(1'050'000, metrics);
  log.Flush(9'000'000, metrics);  // nothing is left
  const std::string text = metrics::TextOf(metrics);
  for (const char* line : {"tandem_publish_delivery_seconds_count{path=\"local\"} 4\n",
                           "tandem_publish_delivery_seconds_sum{path=\"local\"} 0.0002\n",
                           "tandem_publish_delivery_seconds_count{path=\"core\"} 1\n",
                           "tandem_publish_delivery_seconds_sum{path=\"core\"} 0.00055\n",
                           "tandem_publish_delivery_seconds_count{path=\"peer\"} 0\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

}  // namespace
}  // namespace tandem::broker
