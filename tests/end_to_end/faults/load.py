"""Everybody who is there during a campaign: one event loop in a thread, and a way to speak with it."""

import asyncio
import threading

from faults.clients import Mortal, Publisher, Steady, Subscriber, WillWatcher
from faults.oracle import Receiver

_RETAINED_TOPICS = 10
_MEMBERS = 3
_MORTALS = 4
_STEADY = 4


class Load:
    """Clients of the address `balancer`; beside them one probe per node, which is its client directly.

    The thread starts with the constructor, in the network namespace of the caller.
    """

    def __init__(self, oracle, balancer, nodes, publishers=3, pace=(2, 0.02)):
        self._oracle = oracle
        self._balancer = balancer
        self._loop = asyncio.new_event_loop()
        self._tasks = []
        self._mortals = []
        self._rounds = 0
        self._publishers = self._make_publishers(publishers, pace)
        self._probes = {node.side: Publisher(oracle, f"probe-{node.side}", (node.address, 1883), 1,
                                             pace=(1, 0.005), window=1) for node in nodes}
        self._writers = self._make_writers(pace)
        self._subscribers = self._make_subscribers()
        self._steady = [Steady(oracle, f"steady-{number}", balancer) for number in range(_STEADY)]
        self._everyone = [*self._subscribers, *self._senders, *self._steady]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _make_publishers(self, count, pace):
        return [Publisher(self._oracle, f"qos{qos}-{number}", self._balancer, qos, pace=pace)
                for qos in (1, 2) for number in range(count)]

    def _make_writers(self, pace):
        """Two, each with topics of its own and one on which they race."""
        def topic_of(writer):
            return lambda number: ("retained/race" if number % 4 == 0 else
                                   f"retained/{writer}/{number % _RETAINED_TOPICS}")
        return [Publisher(self._oracle, f"writer-{writer}", self._balancer, 1, topic_of(writer),
                          (1, pace[1]), window=1) for writer in range(2)]

    def _make_subscribers(self):
        made = []
        for number in range(2):
            made.append(self._subscriber(Receiver(f"persistent-{number}"), "load/#"))
            made.append(self._subscriber(Receiver(f"transient-{number}", transient=True), "load/#"))
        group = Receiver("group", is_group=True)
        self._oracle.add_receiver(group)
        made += [Subscriber(self._oracle, f"member-{number}", self._balancer,
                            "$share/group/load/#", group) for number in range(_MEMBERS)]
        made.append(WillWatcher(self._oracle, "watcher", self._balancer, "will/#",
                                Receiver("watcher")))
        return made

    def _subscriber(self, receiver, filter_):
        self._oracle.add_receiver(receiver)
        return Subscriber(self._oracle, receiver.name, self._balancer, filter_, receiver)

    @property
    def _senders(self):
        return [*self._publishers, *self._probes.values(), *self._writers]

    # --- the thread ---

    def _run(self):
        asyncio.set_event_loop(self._loop)
        for client in self._everyone:
            self._spawn(client.run())
        for sender in self._senders:
            self._spawn(sender.produce())
        self._loop.run_forever()

    def _spawn(self, life):
        task = self._loop.create_task(life)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def _ended(self, task):
        self._tasks.remove(task)
        if not task.cancelled() and task.exception():
            self._oracle.find("client_failed", repr(task.exception()))

    def call(self, work):
        """Runs `work()` in the loop, between two events, and yields what it returns."""
        async def run():
            return work()
        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(30)

    def stop(self):
        """Without good-byes; for those see `leave`."""
        def cancel():
            for task in list(self._tasks):
                task.cancel()
            self._loop.call_soon(self._loop.stop)
        self._loop.call_soon_threadsafe(cancel)
        self._thread.join()
        self._loop.close()

    # --- in the loop's thread, by `call` ---

    def waiting_for(self):
        """Names of clients that are not connected and set up."""
        return [client.name for client in (*self._everyone, *self._mortals) if not client.ready]

    def send_mortals(self):
        """Clients for the next fault to kill."""
        self._rounds += 1
        self._mortals = [Mortal(self._oracle, f"mortal-{self._rounds}-{number}", self._balancer,
                                persistent=number % 2 == 0) for number in range(_MORTALS)]
        for mortal in self._mortals:
            self._spawn(mortal.run())

    def let_die(self, half):
        """One half of them (0 or 1) at a time."""
        middle = len(self._mortals) // 2
        for mortal in self._mortals[middle:] if half else self._mortals[:middle]:
            mortal.die()
        if half:
            self._mortals = []

    def spread(self, rng):
        """About half of those behind the balancer connect anew; nothing must be in flight."""
        for client in self._everyone:
            if client not in self._probes.values() and rng.random() < 0.5:
                client.move()

    def go(self, paused=False):
        for sender in self._senders:
            sender.paused = paused

    def pause(self):
        self.go(paused=True)

    def busy(self):
        """Names of publishers that wait for an acknowledgement."""
        return [sender.name for sender in self._senders if not sender.idle]

    def counts(self):
        """How much each publisher behind the balancer has got acknowledged so far."""
        return [sender.acknowledged for sender in (*self._publishers, *self._writers)]

    def mark(self, now):
        for sender in self._senders:
            sender.mark(now)
        self._breaks_at_mark = {client.name: client.breaks for client in self._everyone}

    def mark_service(self, now):
        for probe in self._probes.values():
            probe.mark_service(now)

    def _was_broken(self, client):
        return client.breaks > self._breaks_at_mark[client.name]

    def outage(self):
        """Since the mark: {"service": {side: seconds}, "broken": [...], "unbroken": [...]}.

        `service` is until a node acknowledged something that was sent after the mark; the others are
        the longest times without an acknowledgement at publishers that lost, or kept, their
        connections.
        """
        service = {side: probe.service for side, probe in self._probes.items()}
        gaps = {True: [], False: []}
        for publisher in self._publishers:
            gaps[self._was_broken(publisher)].append(publisher.longest_gap)
        return {"service": service, "broken": gaps[True], "unbroken": gaps[False]}

    def lost_sessions(self):
        """[(name, how many)] since the last call."""
        found = [(client.name, client.lost_sessions)
                 for client in self._everyone if client.lost_sessions]
        for client in self._everyone:
            client.lost_sessions = 0
        return found

    def retained(self):
        """{topic: newest acknowledged value}, but for the topic on which both writers race."""
        return {topic: value for writer in self._writers
                for topic, value in writer.last_value.items() if topic != "retained/race"}

    def leave(self):
        for client in self._everyone:
            client.leave()
