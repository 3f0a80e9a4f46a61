"""The measured table as Markdown, and as one self-contained HTML page."""

import html

_STYLE = """
body { margin: 0 auto; padding: 28px; max-width: 1240px; background: #f6f8fa; color: #1d2733; font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; }
h1 { margin: 0; font-size: 26px; } p { color: #5c6b7a; } h2 { margin: 32px 0 10px; font-size: 18px; }
table { width: 100%; border-collapse: collapse; background: #fff; border: 1px solid #dde3e9; }
th, td { padding: 6px 12px; text-align: right; border-bottom: 1px solid #dde3e9; font-variant-numeric: tabular-nums; }
th:first-child, td:first-child { text-align: left; } th { color: #5c6b7a; font-size: 13px; }
td.good { color: #1a7f4b; font-weight: 600; } td.bad { color: #b3261e; font-weight: 600; }
td.bar { width: 24%; } .fill { height: 12px; border-radius: 3px; background: #2563a8; } .fill.other { background: #9aa5b1; }
code { font-size: 13px; color: #5c6b7a; }
"""

_UNITS = {"rate": "messages/s", "cpu": "CPU us/message", "p50": "p50 us", "p99": "p99 us", "bytes": "bytes/connection"}


def number(value):
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


class Verdict:
    """One goal of one scenario against what was measured."""

    def __init__(self, scenario, goal, value, by_means):
        """`value`: the figure, or its ratio to what the goal compares it with, by medians of the rounds; None if that was not
        measured. `by_means`: the same, by their means."""
        self.scenario, self.goal, self.value, self.by_means = scenario, goal, value, by_means
        self.is_met = value is not None and goal.is_met(value, goal.must)
        self.reaches_aim = value is not None and goal.is_met(value, goal.aim)

    def cells(self):
        sign = "x" if self.goal.of else ""
        of = f" of {self.goal.of}" if self.goal.of else ""
        what = "" if self.value is None else "aim reached" if self.reaches_aim else "must reached" if self.is_met else "MISSED"
        bound = "at least" if self.goal.more else "at most"
        return [self.scenario.name, f"{_UNITS[self.goal.figure]}{of}", f"{number(self.value)}{sign}",
                f"{number(self.by_means)}{sign}", f"{bound} {number(self.goal.must)}{sign}", f"{number(self.goal.aim)}{sign}", what]


VERDICT_HEAD = ["scenario", "figure", "measured", "by means", "must", "aim", "verdict"]
OUTCOME_HEAD = ["scenario", "broker", "messages/s", "spread", "p50 us", "p99 us", "ack p50 us", "ack p99 us", "CPU us/message", "lost", "disorder", "memory", "notes"]


def outcome_cells(scenario, outcome):
    growth, resident = outcome.figure("growth"), outcome.figure("bytes")
    memory = f"{number(resident)} B each" if resident is not None else f"+{growth / 1e6:.1f} MB"
    notes = []
    if outcome.generator_limited:
        notes.append("generator was the limit")
    if outcome.given_up:
        notes.append(f"{outcome.given_up} given up")
    figures = [number(outcome.figure(name)) for name in ("p50", "p99", "ack_p50", "ack_p99", "cpu")]
    return [scenario.name, outcome.broker, number(outcome.figure("rate")), f"{100 * outcome.spread():.0f} %", *figures,
            str(outcome.lost), str(outcome.disorder), memory, ", ".join(notes)]


def _markdown_table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "| --- | --- |" + " ---: |" * (len(head) - 2)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def markdown(title, verdicts, outcomes):
    rows = [outcome_cells(scenario, outcome) for scenario, outcome in outcomes]
    commands = sorted({(scenario.name, outcome.command) for scenario, outcome in outcomes})
    return "\n\n".join([title, _markdown_table(VERDICT_HEAD, [verdict.cells() for verdict in verdicts]),
                        _markdown_table(OUTCOME_HEAD, rows),
                        "\n".join(f"* {name}: `{command}`" for name, command in commands)]) + "\n"


def _html_table(head, rows, classes):
    def row(tag, cells, style=lambda index: ""):
        return "<tr>" + "".join(f"<{tag}{style(i)}>{html.escape(cell)}</{tag}>" for i, cell in enumerate(cells)) + "</tr>"
    body = "".join(row("td", cells, lambda i, name=name: f' class="{name}"' if name and i == len(cells) - 1 else "")
                   for cells, name in zip(rows, classes))
    return f"<table>{row('th', head)}{body}</table>"


def _bars(outcomes):
    """Rates of one scenario beside each other."""
    parts, last = [], None
    best = {}
    for scenario, outcome in outcomes:
        best[scenario.name] = max(best.get(scenario.name, 0), outcome.figure("rate") or 0)
    for scenario, outcome in outcomes:
        rate = outcome.figure("rate")
        if not rate:
            continue
        name = scenario.name if scenario.name != last else ""
        last = scenario.name
        own = "fill" if outcome.broker.startswith("tandemd") else "fill other"
        parts.append(f"<tr><td>{html.escape(name)}</td><td>{html.escape(outcome.broker)}</td><td>{number(rate)}/s</td>"
                     f'<td class="bar"><div class="{own}" style="width:{100 * rate / best[scenario.name]:.1f}%"></div></td></tr>')
    return "<table>" + "".join(parts) + "</table>"


def page(title, verdicts, outcomes):
    classes = ["good" if verdict.is_met else "bad" for verdict in verdicts]
    rows = [outcome_cells(scenario, outcome) for scenario, outcome in outcomes]
    commands = "".join(f"<p>{html.escape(scenario.name)}: <code>{html.escape(outcome.command)}</code></p>"
                       for scenario, outcome in outcomes if outcome.broker.startswith("tandemd"))
    return (f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Tandem, measured</title><style>{_STYLE}</style>'
            f"<h1>Tandem, measured</h1><p>{html.escape(title)}</p>"
            f"<h2>What is wanted</h2>{_html_table(VERDICT_HEAD, [verdict.cells() for verdict in verdicts], classes)}"
            f"<h2>Rates</h2>{_bars(outcomes)}"
            f"<h2>All figures</h2>{_html_table(OUTCOME_HEAD, rows, [''] * len(rows))}<h2>Commands</h2>{commands}</html>")
