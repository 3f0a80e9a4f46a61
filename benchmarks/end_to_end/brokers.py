"""The brokers that are measured: how each is started, awaited and stopped."""

import os
import pathlib
import socket
import subprocess
import time
import urllib.request


class BrokerFailed(Exception):
    """A broker did not come up; the text holds what it said."""


class Broker:
    """One running broker: its processes, the first of which the clients' figures are about."""

    def __init__(self, name, folder, cpus):
        self.name = name
        self.folder = folder
        self.cpus = cpus
        self.processes = []
        self.hosts = []
        self.logs = []

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        raise NotImplementedError

    def stop(self):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes = []
        # The kernel lets go of the ring of a killed process, and of the sockets in it, a moment later.
        ports = {int(host.rpartition(":")[2]) for host in self.hosts}
        _until(lambda: not any(map(_listens, ports)), 10, lambda: f"somebody still listens on one of {ports}")
        self.hosts = []

    def last_words(self):
        """The end of what its processes have written."""
        return "".join(f"\n{log.name}: {log.read_text()[-1000:]}" for log in self.logs if log.stat().st_size)

    @property
    def pid(self):
        return self.processes[0].pid

    def resident_bytes(self):
        """Of all processes together."""
        return sum(_status_kb(process.pid, "VmRSS") for process in self.processes) * 1024

    def peak_bytes(self):
        return sum(_status_kb(process.pid, "VmHWM") for process in self.processes) * 1024

    def cpu_ns(self):
        """Of each process, since its start."""
        return [cpu_ns(process.pid) for process in self.processes]

    def _spawn(self, log_name, cpu, *command):
        log = self.folder / log_name
        self.logs.append(log)
        with open(log, "wb") as out:
            self.processes.append(subprocess.Popen(["taskset", "-c", cpu, *map(str, command)], stdout=out, stderr=out))
        return log

    def _await_port(self, port, log):
        _until(lambda: _listens(port), 20, lambda: f"nobody listens on port {port}:\n{log.read_text()}")
        self.hosts.append(f"127.0.0.1:{port}")


class Mosquitto(Broker):
    """Debian's, set as a fair operator would: TCP_NODELAY, no limits on queues and windows, nothing logged or stored."""

    def __init__(self, program, port, folder, cpu):
        super().__init__("mosquitto", folder, [cpu])
        self.program, self.port = program, port

    def start(self):
        config = self.folder / "mosquitto.conf"
        config.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 0\n"
                          "max_queued_messages 0\nset_tcp_nodelay true\npersistence false\nlog_dest none\n")
        self._await_port(self.port, self._spawn("mosquitto.log", self.cpus[0], self.program, "-c", config))


class Other(Broker):
    """Any other broker, by the command line that starts it; {port} in it becomes the port that is asked for."""

    def __init__(self, name, command, port, folder, cpu):
        super().__init__(name, folder, [cpu])
        self.command, self.port = command, port

    def start(self):
        words = [word.replace("{port}", str(self.port)) for word in self.command]
        self._await_port(self.port, self._spawn(f"{self.name}.log", self.cpus[0], *words))


class Tandem(Broker):
    """A node on each of `cpus`, by default a pair if there are two (the same CPU twice: both nodes share it). `name`: of what is
    not just a node or a pair. `is_pair`: else the nodes know nothing of one another. `cores`: of each node, if not its CPU alone.
    `clients_on_one`: all clients use the first node."""

    def __init__(self, program, port, folder, cpus, name=None, is_pair=None, cores=(), clients_on_one=False):
        self.is_pair = len(cpus) > 1 if is_pair is None else is_pair
        super().__init__(name or ("tandemd pair" if self.is_pair else "tandemd"), folder, cores or cpus)
        self.program, self.port, self.node_cpus = program, port, [",".join(cores)] if cores else cpus
        self.clients_on_one = clients_on_one

    def start(self):
        names = ["alpha", "beta"][:len(self.node_cpus)]
        members = []
        for index, name in enumerate(names if self.is_pair else []):
            members += ["--set", f"cluster.member.{index}.name={name}", "--set",
                        f'cluster.member.{index}.links=["127.0.0.1:{self.port + 2 + index}"]']
        for index, name in enumerate(names):
            data = self.folder / f"data-{name}"
            data.mkdir(exist_ok=True)
            port = self.port + index
            settings = [f"node.name={name}", f"node.data_dir={data}", f"engine.cores={self.node_cpus[index]}",
                        f"listener.0.address=127.0.0.1:{port}", f"admin.address=127.0.0.1:{port + 50}"]
            words = [word for setting in settings for word in ("--set", setting)]
            log = self._spawn(f"{name}.log", self.node_cpus[index], self.program, *words, *members)
            self._await_port(port, log)
        if self.clients_on_one:
            del self.hosts[1:]
        if members:
            _until(self._is_paired, 20, lambda: f"the nodes did not pair: {self._cluster()}")

    def metrics(self):
        """Every sample of the first node's /metrics, by its name with labels."""
        samples = {}
        for line in self._get("/metrics").splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                samples[name] = float(value)
        return samples

    def _is_paired(self):
        return '"role":"paired"' in self._cluster() and all(self._is_ready(node) for node in range(len(self.node_cpus)))

    def _is_ready(self, node):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port + 50 + node}/health/ready", timeout=5):
                return True
        except OSError:
            return False

    def _cluster(self):
        return self._get("/api/v1/cluster")

    def _get(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port + 50}{path}", timeout=5) as answer:
                return answer.read().decode()
        except OSError as error:
            return str(error)


def _status_kb(pid, field):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    raise BrokerFailed(f"process {pid} has no {field}: it is gone")


def _listens(port):
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _until(condition, seconds, complaint):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            raise BrokerFailed(complaint())
        time.sleep(0.02)


def cpu_ns(pid):
    """Nanoseconds that the process has run, by the scheduler's count of its threads."""
    tasks = pathlib.Path(f"/proc/{pid}/task")
    return sum(int((tasks / task / "schedstat").read_text().split()[0]) for task in os.listdir(tasks))
