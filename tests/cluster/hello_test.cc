// The handshake: who gets in, who does not, and what the reason is.
#include "cluster/hello.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "cluster/framing.h"

namespace tandem::cluster {
namespace {

using State = Handshake::State;
using Frames = std::vector<std::uint8_t>;

NodeIdentity Node(const std::string& name) {
  return {.cluster = "c",
          .node = name,
          .incarnation = Incarnation{name == "alpha" ? 1u : 2u},
          .cores = 2,
          .release = "1.2",
          .secret = "secret"};
}
Nonce NonceOf(std::uint8_t fill) {
  Nonce nonce;
  nonce.fill(fill);
  return nonce;
}

// Splits what one side sent into frames, 8-byte aligned.
std::vector<Frames> Split(const Frames& bytes) {
  std::vector<Frames> frames;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t size = *FrameBytes(Bytes(bytes).subspan(at), kHandshakeFrame);
    frames.emplace_back(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                        bytes.begin() + static_cast<std::ptrdiff_t>(at + size));
    at += size;
  }
  return frames;
}

class Handshakes : public ::testing::Test {
 protected:
  void Make() {
    dialer.emplace(Handshake::Dialer(alpha, dialer_means, loopback, request, NonceOf(1)));
    listener.emplace(Handshake::Listener(beta, listener_means, loopback, NonceOf(2)));
  }
  // Runs both until nobody has anything to say; the listener accepts whom it has found good.
  void Run() {
    Make();
    Frames to_listener = dialer->Start();
    Frames to_dialer;
    while (!to_listener.empty() || !to_dialer.empty()) {
      for (const Frames& frame : Split(std::exchange(to_listener, {}))) {
        const Frames out = listener->OnFrame(frame);
        to_dialer.insert(to_dialer.end(), out.begin(), out.end());
      }
      if (listener->state() == State::kProven) {
        const Frames out = listener->Accept();
        to_dialer.insert(to_dialer.end(), out.begin(), out.end());
      }
      for (const Frames& frame : Split(std::exchange(to_dialer, {}))) {
        const Frames out = dialer->OnFrame(frame);
        to_listener.insert(to_listener.end(), out.begin(), out.end());
      }
    }
  }
  void ExpectRefused(Refusal refusal) {
    Run();
    EXPECT_EQ(dialer->state(), State::kRefused);
    EXPECT_EQ(listener->state(), State::kRefused);
    EXPECT_EQ(dialer->refusal(), refusal) << dialer->text();
    EXPECT_EQ(listener->refusal(), refusal) << listener->text();
    EXPECT_NE(dialer->refused_by_partner(), listener->refused_by_partner());
  }

  NodeIdentity alpha = Node("alpha");
  NodeIdentity beta = Node("beta");
  std::string dialer_means = "beta";
  std::string listener_means = "alpha";
  bool loopback = false;
  LinkRequest request{.purpose = LinkPurpose::kLane, .path = 1, .lane = 3, .epoch = 77};
  std::optional<Handshake> dialer;
  std::optional<Handshake> listener;
};

TEST_F(Handshakes, TwoNodesWithOneSecretMeet) {
  Run();
  EXPECT_EQ(dialer->state(), State::kAccepted);
  EXPECT_EQ(listener->state(), State::kAccepted);
  EXPECT_EQ(listener->peer().name, "alpha");
  EXPECT_EQ(listener->peer().incarnation, Incarnation{1});
  EXPECT_EQ(listener->peer().cores, 2);
  EXPECT_EQ(dialer->peer().name, "beta");
  EXPECT_EQ(dialer->peer().release, "1.2");
  EXPECT_EQ(listener->request().purpose, LinkPurpose::kLane);
  EXPECT_EQ(listener->request().lane, 3);
  EXPECT_EQ(listener->request().epoch, 77u);
}

TEST_F(Handshakes, PartnersNotYetKnownByNameMeetToo) {
  dialer_means = listener_means = "";
  Run();
  EXPECT_EQ(dialer->state(), State::kAccepted);
}

TEST_F(Handshakes, TheSecretIsNeverSent) {
  alpha.secret = beta.secret = "a-secret-that-would-be-seen";
  Make();
  const Frames hello = dialer->Start();
  const Frames answer = listener->OnFrame(hello);
  for (const Frames& sent : {hello, answer}) {
    EXPECT_EQ(AsText(sent).find("a-secret"), std::string_view::npos);
  }
}

TEST_F(Handshakes, AnotherSecretIsRefused) {
  beta.secret = "guess";
  ExpectRefused(Refusal::kWrongSecret);
}
TEST_F(Handshakes, ASecretOnOneSideOnlyIsRefused) {
  beta.secret.clear();
  ExpectRefused(Refusal::kUnsecured);
}
TEST_F(Handshakes, WithoutSecretsOnlyLoopbackWillDo) {
  alpha.secret.clear();
  beta.secret.clear();
  ExpectRefused(Refusal::kUnsecured);
  loopback = true;
  Run();
  EXPECT_EQ(dialer->state(), State::kAccepted);
  loopback = false;
  alpha.insecure = beta.insecure = true;
  Run();
  EXPECT_EQ(dialer->state(), State::kAccepted);
}
TEST_F(Handshakes, AnotherClusterIsRefused) {
  beta.cluster = "d";
  ExpectRefused(Refusal::kWrongCluster);
  EXPECT_THAT(dialer->text(), ::testing::HasSubstr("\"c\""));
}
TEST_F(Handshakes, AThirdNodeIsRefused) {
  alpha.node = "aardvark";
  ExpectRefused(Refusal::kWrongNode);
}
TEST_F(Handshakes, AnotherNodeThanTheOneDialedIsRefused) {
  dialer_means = "gamma";
  ExpectRefused(Refusal::kWrongNode);
}
TEST_F(Handshakes, ANamesakeIsRefused) {
  alpha.node = "beta";
  dialer_means = listener_means = "";
  ExpectRefused(Refusal::kWrongNode);
}
TEST_F(Handshakes, TheNodeWithTheHigherNameMayNotDial) {
  alpha.node = "zulu";
  listener_means = "zulu";
  ExpectRefused(Refusal::kWrongNode);
}
TEST_F(Handshakes, ImpossibleCoreCountsAreRefused) {
  alpha.cores = 65;
  ExpectRefused(Refusal::kMalformed);
}

TEST_F(Handshakes, AProofCannotBeReflected) {
  // A stranger in the listener's place sends the dialer's own kind of proof back: it has none to
  // send.
  Make();
  const Frames hello = dialer->Start();
  const auto answers = Split(listener->OnFrame(hello));
  ASSERT_EQ(answers.size(), 2u);
  ASSERT_TRUE(dialer->OnFrame(answers[0]).empty());
  const Frames dialer_proof = dialer->OnFrame(answers[1]);
  ASSERT_EQ(dialer->state(), State::kRunning);
  // A second dialer gets the first one's proof as if from the listener.
  Handshake second = Handshake::Dialer(alpha, "beta", false, request, NonceOf(1));
  second.Start();
  second.OnFrame(answers[0]);
  second.OnFrame(dialer_proof);
  EXPECT_EQ(second.state(), State::kRefused);
  EXPECT_EQ(second.refusal(), Refusal::kWrongSecret);
}

TEST_F(Handshakes, AProofCannotBeReplayedOnAnotherConnection) {
  Make();
  const Frames hello = dialer->Start();
  auto answers = Split(listener->OnFrame(hello));
  dialer->OnFrame(answers[0]);
  const Frames proof = dialer->OnFrame(answers[1]);
  Handshake other = Handshake::Listener(beta, "alpha", false, NonceOf(9));
  other.OnFrame(hello);
  other.OnFrame(proof);
  EXPECT_EQ(other.refusal(), Refusal::kWrongSecret);
}

TEST_F(Handshakes, EveryFlippedBitIsNoticed) {
  Make();
  const Frames hello = dialer->Start();
  for (std::size_t bit = 0; bit < hello.size() * 8; ++bit) {
    Frames changed = hello;
    changed[bit / 8] = static_cast<std::uint8_t>(changed[bit / 8] ^ (1 << bit % 8));
    Handshake victim = Handshake::Listener(beta, "alpha", false, NonceOf(2));
    const Frames out = victim.OnFrame(changed);
    if (victim.state() == State::kRefused) continue;
    // The hello looked fine; then the dialer sees that the listener proved something else.
    Handshake honest = Handshake::Dialer(alpha, "beta", false, request, NonceOf(1));
    honest.Start();
    for (const Frames& frame : Split(out)) honest.OnFrame(frame);
    EXPECT_EQ(honest.state(), State::kRefused) << "bit " << bit;
  }
}

TEST_F(Handshakes, FramesOutOfTurnAreRefused) {
  Make();
  const Frames hello = dialer->Start();
  listener->OnFrame(hello);
  listener->OnFrame(hello);
  EXPECT_EQ(listener->refusal(), Refusal::kMalformed);
  // Nobody lets itself in by a verdict.
  Handshake other = Handshake::Listener(beta, "alpha", false, NonceOf(2));
  Handshake proven = Handshake::Listener(beta, "alpha", false, NonceOf(2));
  Make();
  const auto answers = Split(proven.OnFrame(dialer->Start()));
  dialer->OnFrame(answers[0]);
  proven.OnFrame(dialer->OnFrame(answers[1]));
  ASSERT_EQ(proven.state(), State::kProven);
  const Frames verdict = proven.Accept();
  other.OnFrame(verdict);
  EXPECT_EQ(other.state(), State::kRefused);
}

TEST_F(Handshakes, NoiseIsRefusedWithoutHarm) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 20'000; ++i) {
    alignas(8) std::array<std::uint8_t, 512> noise;
    const std::size_t words = 1 + random() % 60;
    for (std::uint8_t& byte : noise) byte = static_cast<std::uint8_t>(random());
    const std::uint32_t header[2] = {0, static_cast<std::uint32_t>(words)};
    std::memcpy(noise.data(), header, 8);
    if (i % 2 == 0) {  // a root struct pointer that is plausible
      const std::uint64_t root = 0x0001000200000000;
      std::memcpy(noise.data() + 8, &root, 8);
    }
    Handshake victim = Handshake::Listener(beta, "alpha", false, NonceOf(2));
    victim.OnFrame(Bytes(noise).first(8 + words * 8));
    ASSERT_NE(victim.state(), State::kProven);
    ASSERT_NE(victim.state(), State::kAccepted);
  }
}

}  // namespace
}  // namespace tandem::cluster
