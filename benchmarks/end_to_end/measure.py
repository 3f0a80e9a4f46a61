"""Runs tandem-bench against a broker, several times, and takes the medians."""

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
    """What one broker did in one scenario: medians over the runs, faults added up."""

    broker: str
    figures: dict = field(default_factory=dict)  # name -> median; see Goal.figure
    spread: float = 0  # of the rate: (greatest - least) / median
    lost: int = 0
    disorder: int = 0  # repeated beyond what the QoS allows, or out of order
    given_up: int = 0
    generator_limited: int = 0  # runs in which the generator was the limit
    command: str = ""


class Bench:
    def __init__(self, program, cpu, seconds, warmup):
        self.program, self.cpu, self.seconds, self.warmup = program, cpu, seconds, warmup

    def load(self, broker, arguments):
        """One run; the result as tandem-bench writes it."""
        command = self._command(broker, arguments, self.seconds)
        done = subprocess.run([*command, "--json", "-", "--quiet", "--broker-pid", str(broker.pid)], capture_output=True,
                              text=True, timeout=self.seconds * 10 + 300)
        if not done.stdout:
            raise RunFailed(f"{' '.join(command)}:\n{done.stderr}")
        result = json.loads(done.stdout)
        if result["clients_lost"] or result["foreign_messages"] or result["publishes_refused"]:
            raise RunFailed(f"{' '.join(command)}:\n{done.stderr}")
        return result

    def idle_bytes(self, broker, arguments, clients):
        """Resident bytes that the broker has more per client while they are connected."""
        before = broker.resident_bytes()
        command = self._command(broker, arguments, seconds=_IDLE_SECONDS)
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

    def _command(self, broker, arguments, seconds):
        """Under SCHED_IDLE the generator has what a broker's core leaves that shares its CPU, and gives way to it at once. Both
        would else wait for one another's time slices. Where it shares with nobody, SCHED_BATCH keeps it from starving beside
        whatever else the machine does."""
        shares = any(int(self.cpu) in os.sched_getaffinity(process.pid) for process in broker.processes)
        return ["chrt", "--idle" if shares else "--batch", "0", "taskset", "-c", self.cpu, str(self.program), *arguments,
                "-h", ",".join(broker.hosts), "--warmup", str(self.warmup), "--duration", str(seconds), "--spin", str(_SPIN_US)]


def figures_of(result):
    return {"rate": result["messages_per_s"], "cpu": result["broker_cpu_us_per_message"],
            "p50": result["latency_us"]["p50"], "p99": result["latency_us"]["p99"],
            "ack_p50": result["acknowledged_us"]["p50"], "ack_p99": result["acknowledged_us"]["p99"]}


def count_faults(outcome, result):
    outcome.lost += result["lost"]
    outcome.disorder += result["duplicates"] + result["reordered"]
    outcome.given_up += result["copies_given_up"]
    outcome.generator_limited += result["generator_was_limit"]


def of_the_busiest(cpu, before, after):
    """`cpu` is the first process's; of a pair the node counts that has more to do: it is the one to be full first."""
    ran = [end - begin for begin, end in zip(before, after)]
    return cpu if cpu is None or not ran[0] else cpu * max(ran) / ran[0]


def measure(bench, start, scenario, runs):
    """`start()` makes a fresh broker for each run."""
    outcome = None
    samples = []
    for _ in range(runs):
        with start() as broker:
            if outcome is None:
                outcome = Outcome(broker.name, command=bench.shown(scenario.arguments))
            if scenario.kind == "idle":
                clients = int(scenario.arguments[scenario.arguments.index("-c") + 1])
                samples.append({"bytes": bench.idle_bytes(broker, scenario.arguments, clients)})
                continue
            before, cpu_before = broker.resident_bytes(), broker.cpu_ns()
            result = bench.load(broker, scenario.arguments)
            sample = figures_of(result)
            sample["cpu"] = of_the_busiest(sample["cpu"], cpu_before, broker.cpu_ns())
            sample["growth"] = broker.peak_bytes() - before
            samples.append(sample)
            count_faults(outcome, result)
    for name in samples[0]:
        values = [sample[name] for sample in samples if sample[name] is not None]
        outcome.figures[name] = statistics.median(values) if values else None
    rates = [sample.get("rate") for sample in samples]
    if all(rates):
        outcome.spread = (max(rates) - min(rates)) / statistics.median(rates)
    return outcome
