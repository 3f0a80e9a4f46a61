@0x84b1ed84384f88dd;
# What the two nodes of a Tandem pair say to each other. This file is the specification; cluster/README.md tells the story.
#
# Growing it: append fields, methods, union members and enumerants, give a new field a default that means "as before", and
# announce what the other side must know about by a bit of Hello.features (peer_version.h). Never move, reuse or retype
# anything, and never move a field into a union: an older node would silently read 0 there.
#
# Framing: each message stands in the standard stream framing of Cap'n Proto (segment table, then the segments). A
# connection carries first the handshake, then Cap'n Proto RPC (rpc.capnp) until it is closed.
#
# All times are durations or a hybrid logical clock; no wall or monotonic time of one host is ever compared with the other's.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("tandem::peer");

# ---------------------------------------------------------------------------------------------------------- handshake

# One frame of the handshake: a single segment of at most 4 KiB. The dialing node speaks first:
#   dialer: hello;  listener: hello, proof;  dialer: proof;  listener: verdict.
# Either side may send a verdict that refuses instead of its turn, and then closes.
struct Handshake {
  union {
    hello @0 :Hello;
    proof @1 :Data;
    # HMAC-SHA256 with the shared secret over: a label of the role ("tandem-dialer-1" or "tandem-listener-1", each with its
    # terminating zero), the dialer's hello frame, the listener's hello frame, both as sent, framing included. Hellos carry
    # fresh nonces, so a proof is good for one connection only. Empty on links without a secret.
    verdict @2 :Verdict;
  }
}

enum Purpose {
  control @0;  # heartbeats and the pair's view; core 0 to core 0, one connection per path
  lane @1;     # records between two cores
}

struct Hello {
  major @0 :UInt16;
  # Version of this protocol that the sender speaks at most, and
  minMajor @1 :UInt16;
  # at least. Both sides use the lower of the two majors; without an overlap the link is refused.
  features @2 :UInt64;
  # Bits of peer_version.h that the sender understands; the pair uses what both have. Unknown bits are ignored.
  cluster @3 :Text;       # must be equal on both sides
  node @4 :Text;          # the sender's name; the order of both names decides who is node 0, and node 0 dials
  incarnation @5 :UInt64; # drawn at random when the sender's process started
  cores @6 :UInt16;       # engine cores of the sender, 1..64
  nonce @7 :Data;         # 32 random bytes
  secured @8 :Bool;       # the sender has a secret, and wants the other side to prove that it has the same
  purpose @9 :Purpose;    # of the connection; set by the dialer, repeated by the listener
  path @10 :UInt8;        # control: which of the listener's link addresses was dialed, from 0; set by the dialer
  lane @11 :UInt16;       # lane: its number; set by the dialer
  epoch @12 :UInt64;      # lane: the epoch it belongs to; set by the dialer. Refused if the listener is in another one
  release @13 :Text;      # for the log and the operator only
}

struct Verdict {
  accepted @0 :Bool;
  reason @1 :Refusal;   # when not accepted
  text @2 :Text;        # for the log of the other side, at most 256 bytes
}

enum Refusal {
  none @0;
  malformed @1;      # not understood at all
  version @2;        # no common major
  wrongCluster @3;
  wrongNode @4;      # not the partner: a third node, or our own name, or the roles do not fit
  unsecured @5;      # one side has a secret and the other has none, or none is needed off loopback
  wrongSecret @6;
  wrongEpoch @7;     # lane: the listener is not, or no longer, in that epoch
  stopping @8;       # the listener is about to stop
  busy @9;           # too many handshakes at once; try again
}

# ----------------------------------------------------------------------------------------------------------- discovery

# One UDP datagram to the multicast group, four times a second: this message (one segment, framed as always, at most
# 1 KiB), then 32 bytes: HMAC-SHA256 with the shared secret over "tandem-announce-1", a zero byte and the message; zeros
# without a secret. It only says where to dial: who answers there must prove itself in the handshake.
struct Announcement {
  cluster @0 :Text;
  node @1 :Text;
  incarnation @2 :UInt64;
  links @3 :List(Link);
  # Where the sender listens, best first. An empty host stands for the address that the datagram came from.
  struct Link {
    host @0 :Text;    # numeric
    port @1 :UInt16;
  }
}

# ------------------------------------------------------------------------------------------------------------- control

# Bootstrap of a control connection; both sides offer it.
interface Control {
  beat @0 (beat :Beat) -> (received :UInt64);
  # Every 100 ms by each side, on each path. `received` is the highest number that has come over this path, this one
  # included: it proves to the caller that both directions work.

  propose @1 (view :PairView) -> (verdict :PairVerdict);
  # By the dialer on each new control connection: how it sees the pair. The listener answers with what both shall do; a new
  # epoch has begun on all its cores by then.

  goodbye @2 () -> ();
  # The sender stops in good order: everything it owed has been applied. The other side goes alone at once.
}

struct Beat {
  number @0 :UInt64;    # from 1, per connection
  received @1 :UInt64;  # the highest number received from the other side on this connection
  epoch @2 :UInt64;     # the sender's present epoch; 0 when alone. An epoch above the receiver's own ends the receiver's
  ready @3 :Bool;       # the sender serves clients
  draining @4 :Bool;    # the sender moves its clients away
  figures @5 :List(Int64);
  # What the sender's broker counts, in the order of engine/broker/figures.h, at most a second old. An older node sends none
  # or fewer; more than the receiver knows are ignored.
}

# How a node sees the pair.
struct PairView {
  epochMax @0 :UInt64;     # the highest epoch the sender has known
  epoch @1 :UInt64;        # the epoch it is in with this partner and incarnation; 0 when alone
  holdMs @2 :UInt32;       # it wants no new epoch to begin for so many milliseconds
  holding @3 :Holding;     # what it would bring into a new epoch
}

# What a node holds that is in no epoch. The order counts: who holds less gives it up and starts anew, before an epoch begins; of two
# that hold `part` or `whole` alike it is the listener. Who holds `nothing` or has `served` never does. An older node says nothing.
enum Holding {
  nothing @0;   # it has just started
  part @1;      # it was not in step when it lost its partner
  whole @2;     # it was in step, and has acknowledged nothing since
  served @3;    # it has served by itself
}

struct PairVerdict {
  union {
    resume @0 :Void;       # both are in `epoch` still: lanes go on where they were
    begin @1 :Void;        # a new epoch begins: `epoch`
    later @2 :UInt32;      # not now: propose again after so many milliseconds
  }
  epoch @3 :UInt64;        # the listener's own after this verdict, 0 when alone: a dialer in another one leaves it
  holding @4 :Holding;     # of the listener, as in PairView
}

# --------------------------------------------------------------------------------------------------------------- lanes

# A message on a lane of two nodes that have the feature kLaneFrames. Calls and returns cost more than a batch of few records itself,
# so what goes all the time, batches and what becomes of them, is said without. Without the feature a message of a lane is one of
# Cap'n Proto RPC as it stands, and batches and acknowledgements are calls of RecordSink and AckSink.
struct LaneFrame {
  union {
    rpc @0 :AnyPointer;      # a message of Cap'n Proto RPC
    append @1 :AnyPointer;   # the parameters of RecordSink.append, of the stream that the sender has opened
    confirm @2 :Void;        # nothing but the numbers below
  }
  received @3 :UInt64;
  # append, confirm: the highest number of the stream that the receiver of this frame has opened which the sender has received, and
  applied @4 :UInt64;
  # which it has applied, as in AckSink. Cumulative. 0: none yet, or that stream is not open.
}

# Bootstrap of a lane; both sides offer it. Lane l joins core (l mod cores of A) with core (l mod cores of B); stream k, the
# records of core k of one node, runs on lane k.
interface Lane {
  open @0 (epoch :UInt64, stream :UInt16, acks :AckSink) -> (sink :RecordSink, received :UInt64);
  # By the side whose stream it is, once per connection. `received`: the highest number of that stream, in this epoch, that
  # the other side has; the caller goes on with the next. Both capabilities die with the connection.
}

interface RecordSink {
  append @0 (first :UInt64, records :List(RecordMeta), blob :Data) -> ();
  # Records first, first + 1, ... of the stream. What the receiver has already is skipped; a gap is an error. The return says
  # only that they were taken (it opens the sender's window); that they are applied is told by AckSink.
  # `blob` holds the parts of each record, one record after the other, without padding:
  # topic | properties | payload | texts, with the lengths that its RecordMeta tells. The blob ends with the last one.
}

interface AckSink {
  applied @0 (number :UInt64) -> ();
  # All records up to `number` have been applied on every core of the caller's node that they concern. Cumulative.
}

# The fixed part of a record (engine/broker/peer_record.h says what each means). Data only, no pointers.
#
# `texts` is a sequence of strings, each with its length in front as 32 bits little-endian, and of numbers of 32 (u32) or 64
# bits (u64), little-endian; which ones, and in which order, stands beside the kind. A will is: u32 QoS | RETAIN << 2 | 8 if
# it has a message expiry; u32 delay in seconds; u32 message expiry in seconds; topic, payload, properties. Records of a kind that the receiver doesn't know end the epoch: a sender must not send them before
# the feature bit says that they are known.
struct RecordMeta {
  topicBytes @0 :UInt16;
  qos @1 :UInt8;               # of the message, 0..2
  retain @2 :Bool;             # RETAIN flag of the message as published
  hasMessage @3 :Bool;         # the fields of the message are set
  propertiesBytes @4 :UInt32;
  payloadBytes @5 :UInt32;
  textsBytes @6 :UInt32;
  expiryMs @7 :UInt64 = 0xffffffffffffffff;
  # Milliseconds left, when sent, until the message expires; all ones: never. Each host counts on by its own clock.
  hlc @8 :UInt64;              # hybrid logical clock: when a node took the message from its publisher
  publisher @9 :UInt64;        # stable hash of the publisher's client id; 0: none
  originIncarnation @10 :UInt64;  # these four are the message's identity
  originNumber @11 :UInt64;
  originCore @12 :UInt16;
  originNode @13 :UInt8;
  union {
    publish :group {           # texts: filter and share name of each group; client id if it has a step; filter and
      route @14 :Bool;         # share name of each spare; client id if it is given back
      updateRetained @15 :Bool;
      hops @16 :UInt8;
      groups @17 :UInt16;      # how many
      hasStep @44 :Bool;
      stepPacketId @45 :UInt16;
      spares @71 :UInt16;      # how many. This and the rest only to who knows the feature groupSpares
      givenBack @72 :Bool;
      givenBackSpare @73 :UInt16;
      givenBackNumber @74 :UInt64;
      unasked @76 :Bool;       # crosses before the sender has heard of all that is wanted here
      places @85 :UInt32;      # how many, behind the texts above, as in sessionOrder; feature bit kPlacedPublishes
    }
    retained @18 :Void;        # no texts; an empty payload is a deletion
    interest :group {          # texts: filter
      wanted @19 :Bool;
    }
    groupInterest :group {     # texts: filter, share name
      online @20 :UInt32;
      total @21 :UInt32;
      copies @75 :UInt32;      # 0 from a node without the feature groupSpares
    }
    claim :group {             # texts: client id; will if it has one
      connectedAt @22 :UInt64;
      cleanStart @23 :Bool;
      answer @24 :Bool;
      expiryS @46 :UInt32;
      hasWill @47 :Bool;
    }
    session :group {           # texts: client id; u64 connected at, unsent number, fork number; u32 away for so many ms; will
      expiryS @25 :UInt32;
      nextNumber @26 :UInt64;
      firstNumber @27 :UInt64;
      connected @48 :Bool;
      hasWill @49 :Bool;
      update @67 :Bool;        # the receiver's copy keeps its content
      willInMs @68 :UInt32;    # the will waits for so long at least; 0 from an older node
      startedAt @84 :UInt64;   # hybrid clock of the clean start that it began with; 1: began without; 0 from an older node
    }
    sessionSubscription :group {  # texts: client id, filter
      qos @28 :UInt8;
      noLocal @29 :Bool;
      retainAsPublished @30 :Bool;
      retainHandling @31 :UInt8;
      identifier @32 :UInt32;
      subscribed @50 :Bool = true;
      confirm @51 :UInt64;
      changedAt @78 :UInt64;   # hybrid clock of the SUBSCRIBE or UNSUBSCRIBE; 0 from an older node
    }
    sessionMessage :group {    # texts: client id; filter and share name if grouped; subscription ids, 4 bytes each
      number @33 :UInt64;
      state @34 :UInt8;
      qos @35 :UInt8;
      retain @36 :Bool;
      grouped @37 :Bool;
      subscriptionIds @38 :UInt16;  # how many
      alsoRouted @65 :Bool;         # a publish record may bring the message to the copy as well
    }
    sessionReceivedId :group { # texts: client id
      packetId @39 :UInt16;
      held @52 :Bool = true;
    }
    claimReply :group {        # texts: client id; u64 each that is routed
      connectedAt @40 :UInt64;
      granted @41 :Bool;
      sessionPresent @42 :Bool;
      answeredAt @66 :UInt64;       # the answering core's hybrid clock; 0 from an older node
      routed @83 :UInt16;           # how many; feature bit kRouted
    }
    snapshotEnd @43 :Void;     # no texts
    mirrored :group {          # no texts
      core @53 :UInt16;
      number @54 :UInt64;
    }
    sessionOrder :group {      # the origin fields name the message; texts, per place: client id; u64 number;
      places @55 :UInt32;      # u32 QoS | RETAIN << 2 | 8 for a group; u32 count and as many u32 subscription ids;
                               # for a group (feature groupSpares) u32 keeper, filter, share name
    }
    sessionMissing :group {    # texts: client id
      number @56 :UInt64;
    }
    sessionProgress :group {   # texts: client id; u64 first and last of each range
      ranges @57 :UInt32;
      released @58 :UInt64 = 0xffffffffffffffff;
    }
    sessionAway :group {       # texts: client id
      expiryS @59 :UInt32;
      willWaits @60 :Bool;
      unsentNumber @61 :UInt64;
    }
    sessionWillDone @62 :Void; # texts: client id
    sessionEnd @63 :Void;      # texts: client id
    lentDone :group {          # the origin fields name the message; texts with the feature groupSpares: filter, share name
      core @64 :UInt16;
    }
    brake :group {             # of `publisher`; no texts; feature bit kBrakes
      core @69 :UInt16;
      on @70 :Bool;
    }
    apart :group {             # messages acknowledged while alone; no texts; feature bit kMergeReports
      accepted @77 :UInt64;
    }
    sessionHash :group {       # texts: client id; feature bit kCopyHashes
      hash @79 :UInt64;
      first @80 :UInt64;
      last @81 :UInt64;
    }
    sessionAgain :group {      # texts: client id; feature bit kCopyHashes
      missing @82 :Bool;
    }
  }
}
