#include "tools/support/http_client.h"

#include <gmock/gmock.h>

#include "tests/tools/support/tiny_http_server.h"

namespace tandem::tools {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(HttpResponse, WithALengthAChunkedBodyOrNeither) {
  const auto sized = ParseHttpResponse("HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nabc");
  ASSERT_TRUE(sized.has_value());
  EXPECT_EQ(sized->status, 404);
  EXPECT_EQ(sized->body, "ab");
  const auto chunked = ParseHttpResponse(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: "
      "chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n");
  ASSERT_TRUE(chunked.has_value());
  EXPECT_EQ(chunked->body, "abc0123456789");
  EXPECT_EQ(ParseHttpResponse("HTTP/1.0 200 OK\r\n\r\nall")->body, "all");
}

TEST(HttpResponse, CutOffOrSomethingElseIsNone) {
  for (const char* const text :
       {"", "HTTP/1.1 200 OK\r\n", "HTTP/1.1\r\n\r\n", "HTTP/1.1 x\r\n\r\n", "SMTP\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcd",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"})
    EXPECT_FALSE(ParseHttpResponse(text).has_value()) << text;
}

TEST(HttpGet, AsksAndReadsTheAnswerWithoutWaitingForTheServerToClose) {
  TinyHttpServer server;
  server.Answer("/metrics", 200, "figures");
  const auto response = HttpGet(server.port(), "/metrics", seconds(20));
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->body, "figures");
  EXPECT_EQ(HttpGet(server.port(), "/other", seconds(20))->status, 404);
}

TEST(HttpGet, FailsWhereNobodyListens) {
  std::uint16_t port = 0;
  {
    const TinyHttpServer server;
    port = server.port();
  }
  EXPECT_FALSE(HttpGet(port, "/", seconds(20)).ok());
}

TEST(HttpGet, GivesUpOnAServerThatSaysNothing) {
  TinyHttpServer server;
  server.StaySilent();
  EXPECT_FALSE(HttpGet(server.port(), "/", milliseconds(50)).ok());
}

}  // namespace
}  // namespace tandem::tools
