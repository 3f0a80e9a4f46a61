"""Runs tests group by group, each group in a process of its own.

The worker process owns network, nodes and clients of its group; the runner watches it from outside.
A test that hangs costs its worker: that is killed with everything it started, its namespaces are
removed, and a new worker takes the rest of the group.
"""

import glob
import json
import os
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback

from harness import linux, network
from harness.context import Context
from harness.deadline import stretched

_GRACE_SECONDS = 20  # for shared nodes to start, and for the end of a test


class Runner:
    def __init__(self, options, out=sys.stdout):
        self._options = options
        self._out = out
        self.passed = 0
        self.failed = []

    def run(self, tests):
        """Everything in `tests`, in order; afterwards `passed` and `failed` tell the result."""
        groups = {}
        for test in tests:
            groups.setdefault(test.group, []).append(test)
        for group, members in groups.items():
            self._print(f"== {group.replace('_', ' ')}")
            while members:
                done = self._work(members)
                members = members[done:]

    def _work(self, tests):
        """Runs a worker over `tests`; how many of them have a result now."""
        read_end, write_end = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(read_end)
            status = 1
            try:
                os.setsid()
                _worker(self._options, tests, write_end)
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        os.close(write_end)
        try:
            return self._watch(pid, tests, read_end)
        finally:
            _end_worker(pid)
            os.close(read_end)

    def _watch(self, pid, tests, read_end):
        done = 0
        lines = _Lines(read_end)
        for test in tests:
            begun = time.monotonic()
            line = lines.next(stretched(test.seconds) + stretched(_GRACE_SECONDS))
            took = time.monotonic() - begun
            if line is None:
                reason = "its worker died" if lines.closed else "hung: killed after"
                self._report(test, False, took, "", f"{reason} ({took:.0f} s)\n{_logs_of(pid)}")
                return done + 1
            self._report(test, line["passed"], took, line["notes"], line["details"])
            done += 1
        return done

    def _report(self, test, passed, took, notes, details):
        word = "ok    " if passed else "FAILED"
        suffix = f" [{notes}]" if notes else ""
        self._print(f"{word} {took:6.1f} s  {test.name}{suffix}")
        if passed:
            self.passed += 1
        else:
            self.failed.append(test)
            self._print("".join(f"    {line}\n" for line in details.rstrip().splitlines()).rstrip())

    def _print(self, text):
        print(text, file=self._out, flush=True)


class _Lines:
    """JSON lines from a pipe."""

    def __init__(self, descriptor):
        self._descriptor = descriptor
        self._bytes = b""
        self.closed = False

    def next(self, seconds):
        """None after that many seconds, or when the worker is gone."""
        end = time.monotonic() + seconds
        while b"\n" not in self._bytes:
            readable, _, _ = select.select([self._descriptor], [], [],
                                           max(0.0, end - time.monotonic()))
            if not readable:
                return None
            got = os.read(self._descriptor, 65536)
            if not got:
                self.closed = True
                return None
            self._bytes += got
        line, self._bytes = self._bytes.split(b"\n", 1)
        return json.loads(line)


def _worker(options, tests, write_end):
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the runner ends us
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    linux.die_with_parent()
    tempfile.tempdir = _directory_of(os.getpid())
    os.makedirs(tempfile.tempdir)
    context = Context(options)
    with os.fdopen(write_end, "w") as out:
        for test in tests:
            passed, details = _run_one(context, test)
            complaints = context.complaints()
            if complaints:
                passed, details = False, f"{complaints}\n{details}"
            notes, logs = context.end(passed)
            result = {"passed": passed, "notes": notes, "details": details + "\n" + logs}
            out.write(json.dumps(result) + "\n")
            out.flush()
        context.close()


def _run_one(context, test):
    context.begin()
    try:
        test.run(context)
        return True, ""
    except AssertionError as error:
        where = traceback.extract_tb(error.__traceback__)
        frames = [f"{os.path.basename(frame.filename)}:{frame.lineno} {frame.line}"
                  for frame in where[1:]]
        return False, f"{error or 'assertion failed'}\n" + "\n".join(frames)
    except Exception:
        return False, traceback.format_exc()


def _directory_of(pid):
    return os.path.join(tempfile.gettempdir(), f"tandem-e2e-worker-{pid}")


def clean_up_after_dead_workers():
    """What workers of a runner left behind that could not end them: namespaces and files."""
    network.remove_left_behind()
    for path in glob.glob(_directory_of("*")):
        if not linux.is_running(int(path.rsplit("-", 1)[1])):
            shutil.rmtree(path, ignore_errors=True)


def _end_worker(pid):
    """Whatever state it is in: afterwards it, its children, namespaces and files are gone."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    os.waitpid(pid, 0)
    network.remove_namespaces_of(pid)
    shutil.rmtree(_directory_of(pid), ignore_errors=True)


def _logs_of(pid):
    """The ends of the nodes' logs that a dead or hanging worker could not report itself."""
    parts = []
    for folder, _, files in os.walk(_directory_of(pid)):
        if "log" in files:
            with open(os.path.join(folder, "log"), errors="replace") as log:
                tail = "\n".join(log.read().splitlines()[-40:])
            parts.append(f"--- {os.path.join(folder, 'log')}\n{tail}")
    return "\n".join(parts)
