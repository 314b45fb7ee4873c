"""Draws the README's gallery from this tree: `make pictures`.

Every picture is a run or a sweep of a template that `poolsim init` writes, so whoever doubts one
can run the command beside it. (quickstart.png is a browser's view of `make run`'s report.)
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from matplotlib.figure import Figure

import poolsim
from poolsim.api.loaded import LoadedScenario
from poolsim.api.run import Run
from poolsim.report import plot_style as style
from poolsim.report.planning.sweep_plots import svg

HERE = Path(__file__).parent
STREAMS = "clients.stress.options.pooling.local.core+max"
RATE = "clients.stress.load.poisson.rate"
JITTER = "clients.app.options.reconnection.exponential.jitter"


def template(name: str, leave_out: str = "") -> LoadedScenario:
    """A scenario as `poolsim init --template` writes it, but for lines with a text in them."""
    files = resources.files("poolsim.scenario.templates")
    lines = (files / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
    return poolsim.load("\n".join(one for one in lines if not leave_out or leave_out not in one))


def io_thread() -> Figure:
    """How many connections carry a rate that one I/O thread does not."""
    values = {STREAMS: "1,2,3,4,6,8", RATE: "4k/s,6k/s,7500/s,9k/s,12k/s,16k/s"}
    # What the template expects of the throughput is of its own rate.
    return template("io-thread", leave_out="throughput >").sweep(values).plot("latency.p99")


def reconnect_storm() -> Figure:
    """A fleet that comes back to a node, by jitter."""
    scenario = template("reconnect-storm")
    kinds = ("none", "15%", "full")
    figure = Figure(figsize=(8, 4.6), layout="constrained")
    axes = figure.subplots(len(kinds), 1, sharex=True)
    for ax, kind in zip(axes, kinds, strict=True):
        run = scenario.with_values({JITTER: kind}).run()
        _attempts(ax, run)
        ax.set_title(f"jitter {kind}: {_recovered(run)}", loc="left", fontsize=style.SMALL)
        ax.set_xlim(0, 60)
    axes[0].legend(frameon=False, fontsize=style.SMALL)
    axes[1].set_ylabel("in a second")
    axes[-1].set_xlabel("time (s); the node is gone from 5 s to 15 s")
    return figure


def _attempts(ax: object, run: Run) -> None:
    events = run.events
    for kind, colour, label in (
        ("reconnection_attempt", style.REJECTED, "reconnection attempts"),
        ("opened", style.ACTIVE_EDGE, "connections opened"),
    ):
        times = events.loc[(events["kind"] == kind) & (events["time_s"] > 1), "time_s"]
        ax.hist(times, bins=range(61), color=colour, alpha=0.6, label=label)  # type: ignore[attr-defined]
    ax.axvspan(5, 15, color=style.GRID, zorder=0)  # type: ignore[attr-defined]


def _recovered(run: Run) -> str:
    seconds = run["recover"].mean
    if seconds != seconds:
        return "not whole by the end of the run"
    return f"all is as before {seconds:.0f} s after the node is back"


PICTURES = {"io-thread": io_thread, "reconnect-storm": reconnect_storm}

if __name__ == "__main__":
    for name, draw in PICTURES.items():
        (HERE / f"{name}.svg").write_text(svg(draw(), name), encoding="utf-8")
        print(f"docs/pictures/{name}.svg")
