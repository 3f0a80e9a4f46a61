"""Results of campaigns as text: totals by kind of fault, and times without service."""

import collections
import dataclasses
import json

from faults.campaign import Result


def save(path, result):
    with open(path, "a") as out:
        out.write(json.dumps(dataclasses.asdict(result)) + "\n")


def load(path):
    with open(path) as lines:
        return [Result(**json.loads(line)) for line in lines]


def table(results):
    """Lines of a table: what befell, and what it cost."""
    lines = ["fault   times  disturbed  violations                     costs that are allowed"]
    for kind in dict.fromkeys(result.kind for result in results):
        of_kind = [result for result in results if result.kind == kind]
        disturbed = sum(result.disturbed for result in of_kind)
        lines.append(f"{kind:6} {len(of_kind):6} {disturbed:10}  "
                     f"{_sums(of_kind, 'violations'):30} {_sums(of_kind, 'costs')}")
    return lines


def _sums(results, which):
    total = collections.Counter()
    for result in results:
        total.update(getattr(result, which))
    return ", ".join(f"{kind} {count}" for kind, count in sorted(total.items())) or "0"


def times(results):
    """Lines of a table: p50, p99 and the longest, in milliseconds."""
    def service(kind):
        return [result.service for result in results
                if result.kind == kind and result.service is not None]

    def gaps(kind, which):
        return [gap for result in results if result.kind == kind for gap in getattr(result, which)]

    rows = [("process death to service", service("kill")),
            ("host death to service", service("host"))]
    for kind, name in (("kill", "a process dies"), ("host", "a host dies"),
                       ("stall", "a node stalls"), ("drain", "a node is drained"),
                       ("cut", "the link is cut")):
        rows.append((f"{name}: gap of a client that was moved", gaps(kind, "broken")))
        rows.append((f"{name}: gap of the others", gaps(kind, "unbroken")))
    width = max(len(name) for name, _ in rows)
    lines = [f"{'':{width}}   count  p50, ms  p99, ms  max, ms"]
    for name, seconds in rows:
        if seconds:
            marks = (f"{_percentile(seconds, share) * 1000:8.0f}" for share in (0.5, 0.99, 1.0))
            lines.append(f"{name:{width}} {len(seconds):7} {' '.join(marks)}")
    return lines


def _percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
