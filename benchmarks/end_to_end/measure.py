"""Runs tandem-bench against a broker, once per round, and takes the medians over the rounds."""

import json
import os
import statistics
import subprocess
from dataclasses import dataclass, field


# The generator does not sleep between messages. Else brokers would pay for waking it, with an interrupt for the other CPU per
# message, which clients on other hosts do not cost them.
_SPIN_US = 1000

# How long idle connections are held: long enough for a line that says so.
_IDLE_SECONDS = 2


class RunFailed(Exception):
    """tandem-bench ended badly; the text is what it said."""


@dataclass
class Outcome:
    """What one broker did in one scenario, round by round; faults are added up."""

    broker: str
    command: str
    samples: list = field(default_factory=list)  # per round: name -> value; see Goal.figure
    lost: int = 0
    disorder: int = 0  # repeated beyond what the QoS allows, or out of order
    given_up: int = 0
    generator_limited: int = 0  # rounds in which the generator was the limit

    def figure(self, name, of=statistics.median):
        """The median, or other mean, of the rounds that have this figure, or None."""
        values = [sample[name] for sample in self.samples if sample.get(name) is not None]
        return of(values) if values else None

    def spread(self):
        """How far the rates of the rounds lie apart: (greatest - least) / median."""
        rates = [sample.get("rate") for sample in self.samples]
        return (max(rates) - min(rates)) / statistics.median(rates) if rates and all(rates) else 0


class Bench:
    def __init__(self, program, cpu, seconds, warmup):
        self.program, self.cpu, self.seconds, self.warmup = program, cpu, seconds, warmup

    def load(self, broker, arguments):
        """One run; the result as tandem-bench writes it."""
        return self._result(self._start_load(broker.hosts, broker.pid, self.cpu, self._policy(broker), arguments))

    def load_on_each_cpu(self, broker, arguments, round_number):
        """One run of two generators, each on a CPU of the broker's and with clients and topics of its own, which it spreads over both
        nodes as a node of two cores spreads them over its cores: there by their ids, which differ from round to round. Nobody takes a
        CPU from the other: neither is woken into the other's time slice (SCHED_BATCH), and the generators sleep at once."""
        started = []
        for number, cpu in enumerate(broker.cpus):
            name = f"bench{number}-{round_number}"
            own = [*arguments, "--round-robin", "--prefix", name, "-t", name]
            process = broker.processes[min(number, len(broker.processes) - 1)]
            started.append(self._start_load(broker.hosts, process.pid, cpu, ["--batch"], own, spin_us=0))
        try:
            return [self._result(process) for process in started]
        finally:
            for process in started:  # still there if another one has failed
                process.kill()
                process.wait()

    def idle_bytes(self, broker, arguments, clients):
        """Resident bytes that the broker has more per client while they are connected."""
        before = broker.resident_bytes()
        command = self._command(broker.hosts, self.cpu, self._policy(broker), arguments, _IDLE_SECONDS)
        held, said = None, []
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            for line in process.stderr:  # a line per second
                said.append(line)
                if "measuring" in line:
                    held = broker.resident_bytes()
        if process.returncode != 0 or held is None:
            raise RunFailed(f"{' '.join(command)}:\n{''.join(said)}")
        return (held - before) / clients

    def shown(self, arguments):
        """The command as a reader would type it."""
        return f"tandem-bench {' '.join(arguments)}"

    def _start_load(self, hosts, broker_pid, cpu, policy, arguments, spin_us=_SPIN_US):
        command = self._command(hosts, cpu, policy, arguments, self.seconds, spin_us)
        return subprocess.Popen([*command, "--json", "-", "--quiet", "--broker-pid", str(broker_pid)], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def _result(self, process):
        with process:
            try:
                out, said = process.communicate(timeout=self.seconds * 10 + 300)
            except BaseException:
                process.kill()
                raise
        if not out:
            raise RunFailed(f"{' '.join(process.args)}:\n{said}")
        result = json.loads(out)
        if result["clients_lost"] or result["foreign_messages"] or result["publishes_refused"]:
            raise RunFailed(f"{' '.join(process.args)}:\n{said}")
        return result

    def _policy(self, broker):
        """Under SCHED_IDLE the generator has what a broker's core leaves that shares its CPU, and gives way to it at once. Both
        would else wait for one another's time slices. Where it shares with nobody, SCHED_BATCH keeps it from starving beside
        whatever else the machine does."""
        shares = any(int(self.cpu) in os.sched_getaffinity(process.pid) for process in broker.processes)
        return ["--idle" if shares else "--batch"]

    def _command(self, hosts, cpu, policy, arguments, seconds, spin_us=_SPIN_US):
        return ["chrt", *policy, "0", "taskset", "-c", cpu, str(self.program), *arguments, "-h", ",".join(hosts),
                "--warmup", str(self.warmup), "--duration", str(seconds), "--spin", str(spin_us)]


def figures_of(result):
    return {"rate": result["messages_per_s"], "cpu": result["broker_cpu_us_per_message"],
            "p50": result["latency_us"]["p50"], "p99": result["latency_us"]["p99"],
            "ack_p50": result["acknowledged_us"]["p50"], "ack_p99": result["acknowledged_us"]["p99"]}


def of_the_busiest(cpu, before, after):
    """`cpu` is the first process's; of a pair the node counts that has more to do: it is the one to be full first."""
    ran = [end - begin for begin, end in zip(before, after)]
    return cpu if cpu is None or not ran[0] else cpu * max(ran) / ran[0]


def of_all(results, processes):
    """The figures of generators that ran at the same time. Rates add up; of the latencies the worst count. A process that several
    of them measured has its CPU in the figures of each."""
    sample = {name: max(figures_of(result)[name] for result in results) for name in ("p50", "p99", "ack_p50", "ack_p99")}
    sample["rate"] = sum(result["messages_per_s"] for result in results)
    used = sum(result["broker_cpu_us_per_message"] * result["messages_per_s"] for result in results)
    sample["cpu"] = used * processes / len(results) / sample["rate"]
    return sample


def add_round(outcome, bench, broker, scenario):
    """One run against a broker that was started for it."""
    if scenario.kind == "idle":
        clients = int(scenario.arguments[scenario.arguments.index("-c") + 1])
        outcome.samples.append({"bytes": bench.idle_bytes(broker, scenario.arguments, clients)})
        return
    before, cpu_before = broker.resident_bytes(), broker.cpu_ns()
    if scenario.kind == "scaling":
        results = bench.load_on_each_cpu(broker, scenario.arguments, len(outcome.samples))
        sample = of_all(results, len(broker.processes))
    else:
        results = [bench.load(broker, scenario.arguments)]
        sample = figures_of(results[0])
        sample["cpu"] = of_the_busiest(sample["cpu"], cpu_before, broker.cpu_ns())
    sample["growth"] = broker.peak_bytes() - before
    outcome.samples.append(sample)
    for result in results:
        outcome.lost += result["lost"]
        outcome.disorder += result["duplicates"] + result["reordered"]
        outcome.given_up += result["copies_given_up"]
        outcome.generator_limited += result["generator_was_limit"]
