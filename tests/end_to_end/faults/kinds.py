"""What befalls the pair: `fault(world)` does it, and ends when both nodes are in step again.

Each hits a node, or the cable between both, under load; `world.begin()` starts the clock.
"""

import random
import signal
import subprocess
import time

from harness.deadline import stretched, wait_until


def _gone(survivor, seconds=10):
    wait_until(lambda: survivor.metrics().value("tandem_cluster_peer_up") == 0, seconds,
               f"{survivor.name} notices that its partner is gone")


def _meet_again(world, *nodes):
    """Under some policies one of them starts anew for that."""
    for node in nodes:
        wait_until(node.in_step, 30, f"{node.name} is in step with its partner")
    world.pair.wait_ready(30)


def _come_back(world, victim, program=None):
    victim.start(program=program)
    world.pair.wait_ready(30)


def kill_process(world):
    """SIGKILL; the kernel still sends what the process wrote."""
    victim, survivor = world.sides()
    world.begin(lambda: victim.signal(signal.SIGKILL))
    victim.kill()
    _gone(survivor)
    world.wait_for_service()
    _come_back(world, victim)


def kill_host(world):
    """A host that breaks down: its networks go silent, the clients' a moment after the cluster's or
    before, and then its process dies. What was written and not sent is lost."""
    victim, survivor = world.sides()
    network, rng = world.pair.network, world.rng
    devices = ["cluster", "clients"]
    rng.shuffle(devices)
    world.begin()
    for device in devices:
        network.cut(device, victim.side)
        if device == "cluster":
            world.begin_service()
        world.let_time_pass(rng.uniform(0, 0.05))
    victim.kill()
    _gone(survivor)
    world.wait_for_service()
    for device in devices:
        network.heal(device, victim.side)
    _come_back(world, victim)


def cut_link(world):
    """The cluster network is down; both nodes and all their clients live."""
    network = world.pair.network
    side = world.sides()[0].side
    world.begin()
    network.cut("cluster", side)
    try:
        for node in world.pair.nodes:
            _gone(node)
        world.wait_for_service()
        world.let_time_pass(world.rng.uniform(0, 1))
    finally:
        network.heal("cluster", side)
    _meet_again(world, *world.pair.nodes)


def stall(world):
    """A node stands still for longer than its partner waits for it, and goes on."""
    victim, survivor = world.sides()
    world.begin()
    victim.signal(signal.SIGSTOP)
    try:
        _gone(survivor)
        world.let_time_pass(world.rng.uniform(0, 1.5))
    finally:
        victim.signal(signal.SIGCONT)
    _meet_again(world, survivor, victim)  # in this order: the victim has not noticed yet


def drain(world):
    """tandemctl drain, SIGTERM, start; if there are two programs, of the one that did not run."""
    victim, _ = world.sides()
    world.begin()
    command = world.tandemctl(victim, "drain")
    done = subprocess.run(command, capture_output=True, text=True, timeout=stretched(30))
    assert done.returncode == 0, f"tandemctl drain: {done.stdout}{done.stderr}"
    victim.terminate()
    assert victim.wait_exit() == 0
    _come_back(world, victim, world.other_program(victim))


FAULTS = {"kill": kill_process, "host": kill_host, "cut": cut_link, "stall": stall, "drain": drain}

RESTARTS = frozenset({"kill", "host", "drain"})  # the victim comes back as a new process


def story(seed, kills=0, cuts=0, stalls=0, drains=0):
    """The faults of a campaign in the order that `seed` draws; every other kill is a host's."""
    names = (["kill"] * (kills - kills // 2) + ["host"] * (kills // 2) + ["cut"] * cuts
             + ["stall"] * stalls + ["drain"] * drains)
    rng = random.Random(seed)
    rng.shuffle(names)
    return names, rng


def pass_time(seconds):
    """A moment of a story, drawn from its seed; not a way to wait for something."""
    time.sleep(seconds)
