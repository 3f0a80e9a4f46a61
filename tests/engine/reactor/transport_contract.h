// What every transport must do, as one suite run against each: the rules of
// engine/reactor/transport.h. A World (transport_fixture.h) makes the transports.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "engine/reactor/transport.h"
#include "tests/engine/reactor/transport_fixture.h"

namespace tandem::reactor {

TYPED_TEST_SUITE_P(TransportContract);

TYPED_TEST_P(TransportContract, EchoesBytes) {
  this->Listen();
  this->EchoOn(this->server);
  const auto [here, there] = this->Join();
  const std::string text = "hello";
  this->client.Send(here, text);
  this->Until([&] { return this->client.Of(here).received == text; }, "the echo");
  this->ExpectSent(this->client, here);
  this->ExpectSent(this->server, there);
  EXPECT_EQ(this->server.last_peer.host, this->address.host);
}

TYPED_TEST_P(TransportContract, SendsManyFragmentsAsOneStream) {
  this->Listen();
  const auto [here, there] = this->Join();
  const std::string text = Pattern(50'000);
  std::vector<Fragment> fragments;
  for (std::size_t i = 0, at = 0; i < kFragmentsMax; ++i) {
    const std::size_t size = i + 1 < kFragmentsMax ? 1 + i * 17 % 1'300 : text.size() - at;
    fragments.push_back({reinterpret_cast<const std::uint8_t*>(text.data()) + at, size});
    at += size;
  }
  this->client.transport->Send(here, fragments);
  this->Until([&] { return this->server.Of(there).received.size() == text.size(); }, "all bytes");
  EXPECT_EQ(this->server.Of(there).received, text);
  this->ExpectSent(this->client, here);
}

TYPED_TEST_P(TransportContract, MovesMegabytesBothWaysInOrder) {
  this->Listen();
  const auto [here, there] = this->Join();
  const std::string up = Pattern(8 << 20, 1);
  const std::string down = Pattern(8 << 20, 2);
  const std::size_t half = up.size() / 2 + 1;
  const Fragment parts[] = {
      {reinterpret_cast<const std::uint8_t*>(up.data()), half},
      {reinterpret_cast<const std::uint8_t*>(up.data()) + half, up.size() - half}};
  this->client.transport->Send(here, parts);
  this->server.Send(there, down);
  this->Until(
      [&] {
        return this->server.Of(there).received.size() == up.size() &&
               this->client.Of(here).received.size() == down.size();
      },
      "all bytes");
  EXPECT_TRUE(this->server.Of(there).received == up);
  EXPECT_TRUE(this->client.Of(here).received == down);
  this->ExpectSent(this->client, here);
  this->ExpectSent(this->server, there);
}

TYPED_TEST_P(TransportContract, PausedReceiverHoldsTheSenderBack) {
  this->Listen();
  const auto [here, there] = this->Join();
  this->server.transport->PauseReceive(there);
  this->Settle();
  const std::string text = Pattern(32 << 20);
  this->client.Send(here, text);
  this->Settle();
  EXPECT_EQ(this->client.Of(here).sent, 0) << "32 MiB do not fit between the two";
  const std::size_t before = this->server.Of(there).received.size();
  EXPECT_LT(before, text.size() / 8);
  this->server.transport->ResumeReceive(there);
  this->Until([&] { return this->server.Of(there).received.size() == text.size(); }, "all bytes");
  EXPECT_TRUE(this->server.Of(there).received == text);
  this->ExpectSent(this->client, here);
}

// A send that nobody waits for may find no room, or room for a part.
TYPED_TEST_P(TransportContract, SendsThatNobodyWaitsForLoseNothingWhenThePeerIsSlow) {
  this->Listen();
  const auto [here, there] = this->Join();
  this->server.transport->PauseReceive(there);
  this->Settle();
  const std::string text = Pattern(32 << 20);
  const std::size_t piece = 48 * 1024;
  const auto all = static_cast<int>((text.size() + piece - 1) / piece);
  int begun = 0;
  const auto send_next = [&](ConnectionId id) {
    if (begun == all) return;
    const std::size_t at = static_cast<std::size_t>(begun++) * piece;
    this->client.Send(id, std::string_view(text).substr(at, piece), SentNotice::kLater);
  };
  this->client.on_sent = send_next;
  send_next(here);
  this->Settle();
  EXPECT_LT(begun, all) << "32 MiB do not fit between the two";
  EXPECT_EQ(this->client.Of(here).sent, begun - 1);
  this->server.transport->ResumeReceive(there);
  this->Until([&] { return this->client.Of(here).sent == all; }, "OnSent of all");
  this->Until([&] { return this->server.Of(there).received.size() == text.size(); }, "all bytes");
  EXPECT_TRUE(this->server.Of(there).received == text);
}

TYPED_TEST_P(TransportContract, PausingAndResumingInOneTurnLosesNothing) {
  this->Listen();
  const auto [here, there] = this->Join();
  const ConnectionId receiver = there;
  const std::string text = Pattern(1 << 20);
  this->server.on_received = [&](ConnectionId id, ReceivedSlice slice) {
    this->server.transport->PauseReceive(id);
    this->server.transport->Release(slice);
    this->server.transport->ResumeReceive(id);
  };
  this->client.Send(here, text);
  this->Until([&] { return this->server.Of(receiver).received.size() == text.size(); },
              "all bytes");
  EXPECT_TRUE(this->server.Of(receiver).received == text);
}

TYPED_TEST_P(TransportContract, GracefulCloseDeliversTheSendInFlight) {
  this->Listen();
  const auto [here, there] = this->Join();
  const std::string text = Pattern(6 << 20);
  this->client.Send(here, text);
  this->client.transport->Close(here, CloseMode::kGraceful);
  this->ExpectClosed(this->server, there, CloseReason::kPeerClosed);
  this->ExpectClosed(this->client, here, CloseReason::kLocal);
  EXPECT_TRUE(this->server.Of(there).received == text);
  EXPECT_EQ(this->client.Of(here).sent, 0) << "nothing but OnClosed after Close()";
}

TYPED_TEST_P(TransportContract, GracefulCloseLetsThePeerReadTheLastWordsWhileItStillSends) {
  this->Listen();
  const auto [here, there] = this->Join();
  // The peer pours bytes that nobody will read; a plain close() would answer with RST and destroy
  // what it has not read.
  const std::string noise = Pattern(256 * 1024);
  const std::string words = "not authorized";
  this->client.Send(here, noise);
  this->server.Send(there, words);
  this->server.transport->Close(there, CloseMode::kGraceful);
  this->ExpectClosed(this->client, here, CloseReason::kPeerClosed);
  EXPECT_EQ(this->client.Of(here).received, words);
  this->ExpectClosed(this->server, there, CloseReason::kLocal);
}

TYPED_TEST_P(TransportContract, GracefulCloseEndsEvenIfThePeerNeverCloses) {
  this->Listen();
  const auto [here, there] = this->Join(ReceiveMode::kDirect);  // this peer does not even look
  this->server.transport->Close(there, CloseMode::kGraceful);
  this->ExpectClosed(this->server, there, CloseReason::kLocal);
  EXPECT_FALSE(this->client.Of(here).closed.has_value());
}

TYPED_TEST_P(TransportContract, ResetReachesThePeerAsReset) {
  this->Listen();
  const auto [here, there] = this->Join();
  this->client.transport->Close(here, CloseMode::kReset);
  this->ExpectClosed(this->client, here, CloseReason::kLocal);
  this->ExpectClosed(this->server, there, CloseReason::kPeerReset);
}

TYPED_TEST_P(TransportContract, ResetAbandonsTheSendInFlight) {
  this->Listen();
  const auto [here, there] = this->Join();
  this->server.transport->PauseReceive(there);
  const std::string text = Pattern(32 << 20);
  this->client.Send(here, text);
  this->Settle();
  this->client.transport->Close(here, CloseMode::kReset);
  this->ExpectClosed(this->client, here, CloseReason::kLocal);
  EXPECT_EQ(this->client.Of(here).sent, 0);
  this->server.transport->ResumeReceive(there);
  this->ExpectClosed(this->server, there, CloseReason::kPeerReset);
}

TYPED_TEST_P(TransportContract, ReceiverSeesLastBytesBeforeThePeersClose) {
  this->Listen();
  const auto [here, there] = this->Join();
  const std::string text = "goodbye";
  this->client.Send(here, text);
  this->Until([&] { return this->client.Of(here).sent == 1; }, "OnSent");
  this->client.transport->Close(here, CloseMode::kGraceful);
  this->ExpectClosed(this->server, there, CloseReason::kPeerClosed);
  EXPECT_EQ(this->server.Of(there).received, text);
}

TYPED_TEST_P(TransportContract, RefusedConnectReportsAndCloses) {
  const ListenerId listener = this->Listen();
  this->server.transport->StopListening(listener);
  this->Settle();
  const ConnectionId id = this->StartConnect();
  this->Until([&] { return this->client.Of(id).closed.has_value(); }, "OnClosed");
  ASSERT_TRUE(this->client.Of(id).connected.has_value());
  EXPECT_FALSE(this->client.Of(id).connected->ok());
  EXPECT_THAT(std::string(this->client.Of(id).connected->message()),
              ::testing::HasSubstr(ToString(this->address)));
  EXPECT_FALSE(this->client.Of(id).spoke_after_end);
}

TYPED_TEST_P(TransportContract, CloseWhileConnectingGivesOnlyOnClosed) {
  this->Listen();
  const ConnectionId id = this->StartConnect();
  this->client.transport->Close(id, CloseMode::kGraceful);
  this->ExpectClosed(this->client, id, CloseReason::kLocal);
  EXPECT_FALSE(this->client.Of(id).connected.has_value());
}

TYPED_TEST_P(TransportContract, StaleIdsDoNothing) {
  this->Listen();
  const auto [here, there] = this->Join();
  this->client.transport->Close(here, CloseMode::kGraceful);
  this->ExpectClosed(this->client, here, CloseReason::kLocal);
  this->ExpectClosed(this->server, there, CloseReason::kPeerClosed);

  const auto [again, again_there] = this->Join();
  EXPECT_NE(again, here);
  const std::string text = "to nobody";
  this->client.Send(here, text);
  this->client.transport->PauseReceive(here);
  this->client.transport->ResumeReceive(here);
  this->client.transport->Detach(here);
  this->client.transport->Close(here, CloseMode::kReset);
  this->client.transport->Close(kNoConnection, CloseMode::kReset);
  this->Settle();
  EXPECT_EQ(this->server.Of(again_there).received, "");
  EXPECT_FALSE(this->client.Of(again).closed.has_value());
  EXPECT_FALSE(this->client.Of(here).spoke_after_end);
}

TYPED_TEST_P(TransportContract, DetachAndAdoptMoveAStreamWithoutLosingAByte) {
  this->Listen();
  this->third = std::make_unique<Party<TypeParam>>(this->world);
  const auto [here, there] = this->Join();
  const ConnectionId moving = there;
  const std::string text = Pattern(2 << 20);
  // The server hands the stream over as soon as it has seen the first bytes, while more are on
  // their way.
  this->server.on_received = [&](ConnectionId id, ReceivedSlice slice) {
    this->server.transport->Release(slice);
    this->server.transport->Detach(id);
  };
  this->client.Send(here, text);
  this->Until([&] { return !this->server.handoffs.empty(); }, "OnDetached");
  ASSERT_FALSE(this->server.handoffs.empty());
  EXPECT_FALSE(this->server.Of(moving).closed.has_value());
  const ConnectionId moved = this->third->transport->Adopt(std::move(this->server.handoffs.back()));
  const std::string& before = this->server.Of(moving).received;
  this->Until([&] { return before.size() + this->third->Of(moved).received.size() == text.size(); },
              "all bytes");
  EXPECT_TRUE(before + this->third->Of(moved).received == text);
  EXPECT_FALSE(this->server.Of(moving).spoke_after_end);

  const std::string answer = "from the new core";
  this->third->Send(moved, answer);
  this->Until([&] { return this->client.Of(here).received == answer; }, "the answer");
}

// The last bytes and the end of the stream may come together: the one who reads the bytes and moves
// the stream because of them hears of the end at its new place.
TYPED_TEST_P(TransportContract, DetachMovesAStreamThatHasEnded) {
  this->Listen();
  this->third = std::make_unique<Party<TypeParam>>(this->world);
  this->server.on_received = [&](ConnectionId id, ReceivedSlice slice) {
    this->server.transport->Release(slice);
    this->server.transport->Detach(id);
  };
  const std::string text = "the last words";
  for (int i = 0; i < 20; ++i) {
    const auto [here, there] = this->Join();
    this->client.Send(here, text);
    this->client.transport->Close(here, CloseMode::kGraceful);
    for (int turn = 0; turn < 10; ++turn) this->client.Turn();  // so that both have arrived
    this->Until([&] { return !this->server.handoffs.empty(); }, "OnDetached");
    ASSERT_FALSE(this->server.handoffs.empty());
    const ConnectionId moved =
        this->third->transport->Adopt(std::move(this->server.handoffs.back()));
    this->server.handoffs.clear();
    this->ExpectClosed(*this->third, moved, CloseReason::kPeerClosed);
    EXPECT_EQ(this->server.Of(there).received + this->third->Of(moved).received, text);
  }
}

TYPED_TEST_P(TransportContract, PausedReceiverHearsOfTheEndAfterResuming) {
  this->Listen();
  const std::string text = "the last words";
  this->server.on_received = [&](ConnectionId id, ReceivedSlice slice) {
    this->server.transport->Release(slice);
    if (this->server.Of(id).received == text) this->server.transport->PauseReceive(id);
  };
  for (int i = 0; i < 20; ++i) {
    const auto [here, there] = this->Join();
    this->client.Send(here, text);
    this->client.transport->Close(here, CloseMode::kGraceful);
    for (int turn = 0; turn < 10; ++turn) this->client.Turn();
    const ConnectionId receiver = there;
    this->Until([&] { return this->server.Of(receiver).received == text; }, "the last words");
    this->Settle();
    EXPECT_FALSE(this->server.Of(there).closed.has_value());
    this->server.transport->ResumeReceive(there);
    this->ExpectClosed(this->server, there, CloseReason::kPeerClosed);
  }
}

TYPED_TEST_P(TransportContract, DroppedHandoffClosesTheStream) {
  this->Listen();
  const auto [here, there] = this->Join();
  this->server.transport->Detach(there);
  this->Until([&] { return !this->server.handoffs.empty(); }, "OnDetached");
  this->server.handoffs.clear();
  this->ExpectClosed(this->client, here, CloseReason::kPeerClosed);
}

TYPED_TEST_P(TransportContract, CloseDuringDetachCloses) {
  this->Listen();
  const auto [here, there] = this->Join();
  this->server.transport->Detach(there);
  this->server.transport->Close(there, CloseMode::kReset);
  this->ExpectClosed(this->server, there, CloseReason::kLocal);
  this->ExpectClosed(this->client, here, CloseReason::kPeerReset);
  EXPECT_TRUE(this->server.handoffs.empty());
}

TYPED_TEST_P(TransportContract, DirectReceiveFillsTheOwnersMemory) {
  this->Listen(ReceiveMode::kDirect);
  const auto [here, there] = this->Join();
  const std::string text = Pattern(1 << 20);
  std::string got(text.size(), '\0');
  std::size_t at = 0;
  const auto receive_next = [&](ConnectionId id) {
    const std::size_t size = std::min<std::size_t>(100'000, got.size() - at);
    if (size != 0)
      this->server.transport->Receive(id, {reinterpret_cast<std::uint8_t*>(got.data()) + at, size});
  };
  this->server.on_received_direct = [&](ConnectionId id, std::size_t bytes) {
    at += bytes;
    receive_next(id);
  };
  receive_next(there);
  this->client.Send(here, text);
  this->Until([&] { return at == text.size(); }, "all bytes");
  EXPECT_TRUE(got == text);
  EXPECT_EQ(this->server.Of(there).received, "") << "kDirect lends nothing";
}

TYPED_TEST_P(TransportContract, DirectConnectionMovesToAnotherTransport) {
  this->Listen(ReceiveMode::kDirect);
  this->third = std::make_unique<Party<TypeParam>>(this->world);
  const auto [here, there] = this->Join();
  const std::string text = "straight in";
  this->client.Send(here, text);
  this->Settle();
  this->server.transport->Detach(there);
  this->Until([&] { return !this->server.handoffs.empty(); }, "OnDetached");
  const ConnectionId moved = this->third->transport->Adopt(std::move(this->server.handoffs.back()));
  std::string got(64, '\0');
  this->third->transport->Receive(moved, {reinterpret_cast<std::uint8_t*>(got.data()), got.size()});
  this->Until([&] { return !this->third->Of(moved).direct.empty(); }, "OnReceivedDirect");
  EXPECT_EQ(got.substr(0, this->third->Of(moved).direct.at(0)), text);
}

TYPED_TEST_P(TransportContract, LentSlicesStayValidUntilReleased) {
  this->Listen();
  const auto [here, there] = this->Join();
  std::vector<ReceivedSlice> held;
  this->server.on_received = [&](ConnectionId, ReceivedSlice slice) { held.push_back(slice); };
  std::vector<std::string> texts;
  for (int i = 0; i < 10; ++i) texts.push_back(Pattern(100, i));
  std::size_t size = 0;
  for (const std::string& text : texts) {
    this->client.Send(here, text);
    size += text.size();
    const ConnectionId receiver = there;
    this->Until([&] { return this->server.Of(receiver).received.size() == size; }, "a piece");
  }
  this->client.transport->Close(here, CloseMode::kGraceful);
  this->ExpectClosed(this->server, there, CloseReason::kPeerClosed);
  std::string all;
  for (const ReceivedSlice& slice : held) all += AsText(slice.bytes);
  std::string expected;
  for (const std::string& text : texts) expected += text;
  EXPECT_EQ(all, expected);
  for (auto slice = held.rbegin(); slice != held.rend(); ++slice)
    this->server.transport->Release(*slice);
}

TYPED_TEST_P(TransportContract, HeldBuffersDelayOthersButLoseNothing) {
  this->Listen();
  constexpr std::size_t kPairs = 8;
  std::vector<ConnectionId> here;
  for (std::size_t i = 0; i < kPairs; ++i) here.push_back(this->Join().here);
  // Nobody releases: the transport runs out of buffers with most of the bytes still to come.
  std::vector<ReceivedSlice> held;
  this->server.on_received = [&](ConnectionId, ReceivedSlice slice) { held.push_back(slice); };
  const std::string text = Pattern(1 << 20);
  for (const ConnectionId id : here) this->client.Send(id, text);
  this->Settle();
  std::size_t received = 0;
  for (const ConnectionId id : this->server.accepted)
    received += this->server.Of(id).received.size();
  EXPECT_LT(received, kPairs * text.size());
  EXPECT_FALSE(held.empty());

  this->server.on_received = nullptr;
  for (const ReceivedSlice& slice : held) this->server.transport->Release(slice);
  for (const ConnectionId id : this->server.accepted) {
    this->Until([&] { return this->server.Of(id).received.size() == text.size(); }, "all bytes");
    EXPECT_TRUE(this->server.Of(id).received == text);
  }
}

TYPED_TEST_P(TransportContract, StoppedListenerAcceptsNobodyAndKeepsItsConnections) {
  const ListenerId listener = this->Listen();
  this->EchoOn(this->server);
  const auto [here, there] = this->Join();
  this->server.transport->StopListening(listener);
  this->Settle();
  const ConnectionId late = this->StartConnect();
  this->Until([&] { return this->client.Of(late).closed.has_value(); }, "the refusal");
  EXPECT_EQ(this->server.accepted.size(), 1u);
  const std::string text = "still here";
  this->client.Send(here, text);
  this->Until([&] { return this->client.Of(here).received == text; }, "the echo");
}

TYPED_TEST_P(TransportContract, ServesTwoThousandConnections) {
  constexpr std::size_t kConnections = 2'000;
  this->Listen();
  this->EchoOn(this->server);
  std::vector<ConnectionId> ids;
  for (std::size_t i = 0; i < kConnections; ++i) ids.push_back(this->StartConnect());
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < kConnections; ++i) texts.push_back(Pattern(40, i));
  for (std::size_t i = 0; i < kConnections; ++i) {
    this->Until([&] { return this->client.Of(ids[i]).connected.has_value(); }, "a connection");
    ASSERT_TRUE(this->client.Of(ids[i]).connected->ok()) << *this->client.Of(ids[i]).connected;
    this->client.Send(ids[i], texts[i]);
  }
  for (std::size_t i = 0; i < kConnections; ++i) {
    this->Until([&] { return this->client.Of(ids[i]).received == texts[i]; }, "an echo");
  }
  for (std::size_t i = 0; i < kConnections; ++i) {
    this->client.transport->Close(ids[i], i % 2 == 0 ? CloseMode::kGraceful : CloseMode::kReset);
  }
  for (const ConnectionId id : ids) this->ExpectClosed(this->client, id, CloseReason::kLocal);
  for (const ConnectionId id : this->server.accepted) {
    this->Until([&] { return this->server.Of(id).closed.has_value(); }, "OnClosed");
  }
}

TYPED_TEST_P(TransportContract, DyingWithOpenConnectionsClosesThem) {
  this->Listen();
  const auto [here, there] = this->Join();
  const std::string text = Pattern(32 << 20);
  this->server.transport->PauseReceive(there);
  this->client.Send(here, text);
  this->Settle();
  this->third =
      std::make_unique<Party<TypeParam>>(this->world);  // in the place of the client that goes
  std::swap(this->client.transport, this->third->transport);
  this->third = nullptr;
  this->server.transport->ResumeReceive(there);
  this->Until([&] { return this->server.Of(there).closed.has_value(); }, "OnClosed");
}

// Many streams with random pieces, pauses and ends: each side gets a prefix of what the other sent,
// all of it where nobody reset.
TYPED_TEST_P(TransportContract, RandomTrafficArrivesInOrder) {
  constexpr std::size_t kPairs = 24;
  constexpr std::size_t kStreamBytes = 300'000;
  this->Listen();
  std::mt19937 random(20'240'229);
  const auto pick = [&](std::uint32_t below) {
    return static_cast<std::uint32_t>(random() % below);
  };

  struct Stream {
    ConnectionId from{};
    ConnectionId to{};
    std::string text;
    std::size_t at = 0;
    bool reset = false;
    bool closing = false;
  };
  std::vector<Stream> streams;
  std::map<std::uint64_t, Stream*> by_sender;
  for (std::size_t i = 0; i < kPairs; ++i) {
    const auto [here, there] = this->Join();
    streams.push_back(
        {.from = here, .to = there, .text = Pattern(kStreamBytes, i), .reset = i % 8 == 7});
  }
  const auto send_next = [&](Stream& stream) {
    if (stream.at == stream.text.size() || (stream.reset && stream.at > kStreamBytes / 2)) {
      stream.closing = true;
      this->client.transport->Close(stream.from,
                                    stream.reset ? CloseMode::kReset : CloseMode::kGraceful);
      return;
    }
    Fragment pieces[5];
    const std::size_t count = 1 + pick(5);
    std::size_t used = 0;
    while (used < count && stream.at < stream.text.size()) {
      const std::size_t size =
          std::min<std::size_t>(1 + pick(9'000), stream.text.size() - stream.at);
      pieces[used++] = {reinterpret_cast<const std::uint8_t*>(stream.text.data()) + stream.at,
                        size};
      stream.at += size;
    }
    this->client.transport->Send(stream.from, {pieces, used});
  };
  for (Stream& stream : streams) by_sender[static_cast<std::uint64_t>(stream.from)] = &stream;
  this->client.on_sent = [&](ConnectionId id) {
    send_next(*by_sender[static_cast<std::uint64_t>(id)]);
  };
  std::vector<ReceivedSlice> held;
  this->server.on_received = [&](ConnectionId id, ReceivedSlice slice) {
    held.push_back(slice);
    if (pick(20) == 0) this->server.transport->PauseReceive(id);
    while (!held.empty() && (held.size() > 3 || pick(2) == 0)) {
      this->server.transport->Release(held.back());
      held.pop_back();
    }
  };
  for (Stream& stream : streams) send_next(stream);
  const auto all_closed = [&] {
    for (const ReceivedSlice& slice : held) this->server.transport->Release(slice);
    held.clear();
    bool all = true;
    for (const Stream& stream : streams) {
      if (pick(3) == 0) this->server.transport->ResumeReceive(stream.to);
      all = all && this->server.Of(stream.to).closed.has_value() &&
            this->client.Of(stream.from).closed.has_value();
    }
    return all;
  };
  this->Until(all_closed, "the end of all streams");
  for (const Stream& stream : streams) {
    const Life& life = this->server.Of(stream.to);
    EXPECT_EQ(life.received, stream.text.substr(0, life.received.size()));
    EXPECT_EQ(*life.closed, stream.reset ? CloseReason::kPeerReset : CloseReason::kPeerClosed);
    EXPECT_TRUE(stream.reset || life.received.size() == stream.text.size());
    EXPECT_FALSE(life.spoke_after_end);
    EXPECT_FALSE(this->client.Of(stream.from).spoke_after_end);
  }
}

REGISTER_TYPED_TEST_SUITE_P(
    TransportContract, EchoesBytes, SendsManyFragmentsAsOneStream, MovesMegabytesBothWaysInOrder,
    PausedReceiverHoldsTheSenderBack, SendsThatNobodyWaitsForLoseNothingWhenThePeerIsSlow,
    PausingAndResumingInOneTurnLosesNothing, GracefulCloseDeliversTheSendInFlight,
    GracefulCloseLetsThePeerReadTheLastWordsWhileItStillSends,
    GracefulCloseEndsEvenIfThePeerNeverCloses, ResetReachesThePeerAsReset,
    ResetAbandonsTheSendInFlight, ReceiverSeesLastBytesBeforeThePeersClose,
    RefusedConnectReportsAndCloses, CloseWhileConnectingGivesOnlyOnClosed, StaleIdsDoNothing,
    DetachAndAdoptMoveAStreamWithoutLosingAByte, DetachMovesAStreamThatHasEnded,
    PausedReceiverHearsOfTheEndAfterResuming, DroppedHandoffClosesTheStream,
    CloseDuringDetachCloses, DirectReceiveFillsTheOwnersMemory,
    DirectConnectionMovesToAnotherTransport, LentSlicesStayValidUntilReleased,
    HeldBuffersDelayOthersButLoseNothing, StoppedListenerAcceptsNobodyAndKeepsItsConnections,
    ServesTwoThousandConnections, DyingWithOpenConnectionsClosesThem, RandomTrafficArrivesInOrder);

}  // namespace tandem::reactor
