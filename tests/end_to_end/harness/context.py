"""What a test gets: nodes, a place for files, programs, and a report of what happened."""

import itertools
import os
import subprocess
import tempfile
from dataclasses import dataclass

from harness import linux
from harness.cluster import Cluster
from harness.deadline import stretched
from harness.network import Network


@dataclass(frozen=True)
class Options:
    program: list  # command line of tandemd, without arguments
    tools: str  # directory of e2e_storm and e2e_paho_c
    full: bool
    network: bool  # namespaces rather than loopback
    sanitizer: bool  # memory and time figures of an ordinary build do not hold


class Context:
    """One per worker process; `begin` and `end` stand around each test."""

    def __init__(self, options):
        self.options = options
        self.full = options.full
        self.sanitizer = options.sanitizer
        self._directory = tempfile.mkdtemp(prefix="tandem-e2e-")
        self._network = None
        self._shared = {}
        self._own = []
        self._processes = []
        self._numbers = itertools.count(1)
        self._notes = []

    # --- nodes ---

    @property
    def network(self):
        if self._network is None and self.options.network:
            self._network = Network()
        return self._network

    def pair(self):
        """A running pair that other tests of the group use too: leave it as it was."""
        return self._take_shared("pair", alone=False)

    def node(self):
        """A running node without a cluster, shared as `pair` is."""
        return self._take_shared("node", alone=True).a

    def _take_shared(self, kind, alone):
        self._drop_shared(but=kind)
        if kind in self._shared and not self._shared[kind].healthy():
            complaints = self.complaints()
            assert not complaints, f"since the test before: {complaints}"
            self._drop_shared()
        if kind not in self._shared:
            self._shared[kind] = self._cluster(alone=alone)
            self._shared[kind].start().wait_ready()
        return self._shared[kind]

    def new_pair(self, start=True, **arguments):
        """A pair for this test alone; `arguments` as of Cluster."""
        return self._new(start, alone=False, **arguments)

    def new_node(self, start=True, **arguments):
        return self._new(start, alone=True, **arguments).a

    def _new(self, start, **arguments):
        self._drop_shared()
        self._kill_own()  # one pair at a time: they would want the same addresses
        cluster = self._cluster(**arguments)
        self._own.append(cluster)
        if start:
            cluster.start().wait_ready()
        return cluster

    def _cluster(self, **arguments):
        arguments.setdefault("program", self.options.program)
        return Cluster(directory=self.new_path("cluster"), network=self.network, **arguments)

    def _drop_shared(self, but=None):
        for kind in [kind for kind in self._shared if kind != but]:
            self._shared.pop(kind).remove()

    def _kill_own(self):
        for cluster in self._own:
            cluster.kill()

    # --- programs and files ---

    def new_path(self, stem):
        """A path that does not exist yet; gone after the run."""
        return os.path.join(self._directory, f"{stem}-{next(self._numbers)}")

    def unique(self, stem):
        """A name for a topic or client id that no other test of this worker uses."""
        return f"{stem}-{os.getpid()}-{next(self._numbers)}"

    def spawn(self, command, **arguments):
        """A process among the clients; killed at the end of the test."""
        process = subprocess.Popen(command, preexec_fn=linux.die_with_parent, **arguments)
        self._processes.append(process)
        return process

    def tool(self, name, *arguments, seconds=60):
        """Runs a test program to its end and returns what it printed; it must exit with 0."""
        process = self.spawn([os.path.join(self.options.tools, name), *map(str, arguments)],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            output, _ = process.communicate(timeout=stretched(seconds))
        except subprocess.TimeoutExpired:
            process.kill()
            output, _ = process.communicate()
            raise AssertionError(f"{name} did not end within {stretched(seconds):.0f} s; "
                                 f"so far:\n{output}") from None
        assert process.returncode == 0, f"{name} exited with {process.returncode}:\n{output}"
        return output

    def tandemctl(self, node, *arguments):
        """What an operator says on `node`'s host: the process, with stdout and stderr as pipes."""
        command = [os.path.join(self.options.tools, "tandemctl"),
                   "--admin", node.config["admin"]["address"], *arguments]
        if node.namespace:
            command = ["ip", "netns", "exec", node.namespace, *command]
        return self.spawn(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def note(self, text):
        """A figure for the line that the runner prints about this test."""
        self._notes.append(text)

    # --- around a test ---

    def begin(self):
        self._notes = []

    def complaints(self):
        """Of the nodes, about things that the test may not have looked at."""
        nodes = (node for cluster in [*self._own, *self._shared.values()] for node in cluster.nodes)
        return "\n".join(filter(None, (node.complaint() for node in nodes)))

    def end(self, passed):
        """(notes, logs); logs only if the test failed. Afterwards the world is clean again."""
        logs = ""
        clusters = [*self._own, *self._shared.values()]
        if not passed:
            logs = "\n".join(cluster.story() for cluster in clusters)
        for process in self._processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        self._processes = []
        for cluster in self._own:
            cluster.remove()
        self._own = []
        if not passed:
            self._drop_shared()
        return "; ".join(self._notes), logs

    def close(self):
        self.end(passed=True)
        self._drop_shared()
        if self._network is not None:
            self._network.remove()
        subprocess.run(["rm", "-rf", self._directory], check=False)
