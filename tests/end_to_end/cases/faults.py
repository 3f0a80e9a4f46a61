"""Fault after fault under load, judged by an oracle of its own. See faults/ for large numbers."""

import os

from faults import figures, kinds
from faults.campaign import CHANGES, Campaign
from harness.registry import test

_HOSTS_MAX = 10


def _campaign(t, rng, **arguments):
    pair = t.new_pair(changes=CHANGES, **arguments)
    directory = t.new_path("campaign")
    os.makedirs(directory)
    return Campaign(pair, t.options.tools, directory, rng)


@test("processes and hosts that die, a link that is cut, a node that stalls, one that is drained: "
      "under load nothing is broken that is promised (P1, P4, P5, P6, P8, P9, O1, O2, O3)",
      seconds=600, needs_network=True)
def _(t):
    counts = {"kills": 30, "cuts": 10, "stalls": 5, "drains": 5} if t.full else \
             {"kills": 4, "cuts": 1, "stalls": 1, "drains": 1}
    names, rng = kinds.story(seed=os.getpid(), **counts)
    campaign = _campaign(t, rng)
    try:
        results = [campaign.play(name) for name in names]
        results.append(campaign.finish())
    finally:
        campaign.stop()
    stories = campaign.new_stories()
    t.note(f"seed {os.getpid()}; {campaign.oracle.acknowledged} acknowledged, "
           f"{campaign.oracle.delivered} delivered; " + "; ".join(figures.table(results)[1:]))
    broken = [result for result in results if result.violations]
    assert not broken, "\n".join([*map(repr, broken), *stories[:40]])


@test("the same hosts lose messages if PUBACK does not wait for the other node: the oracle sees it",
      seconds=120, needs_network=True)
def _(t):
    _, rng = kinds.story(seed=os.getpid())
    campaign = _campaign(t, rng, program=[os.path.join(t.options.tools, "tandemd_without_gate")])
    try:
        for number in range(1, _HOSTS_MAX + 1):
            lost = campaign.play("host").violations.get("lost", 0)
            if lost:
                t.note(f"seed {os.getpid()}: {lost} lost at host {number}")
                return
    finally:
        campaign.stop()
    raise AssertionError(f"seed {os.getpid()}: {_HOSTS_MAX} hosts, and nothing was lost")
