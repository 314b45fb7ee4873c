"""The command line: what can be typed, and what comes back as an exit code.

Each command's work is in `poolsim/commands/`, imported when it is called, so that `poolsim --help`
answers at once. Results go to stdout, warnings and progress to stderr.
"""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import typer

from poolsim.commands.exit_codes import finish

app = typer.Typer(
    name="poolsim",
    epilog="Start with:  poolsim init && poolsim run quickstart.yaml",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


class Engine(enum.StrEnum):
    """Who executes the rules; no result depends on it."""

    auto = "auto"
    simpy = "simpy"
    compiled = "compiled"


EngineOption = Annotated[
    Engine,
    typer.Option(help="Who executes the rules; results do not depend on it. auto: who ends first."),
]
OverridesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help="Replace a value of the file; may be given more than once.",
    ),
]


class Format(enum.StrEnum):
    """How results are printed."""

    text = "text"
    json = "json"


def _print_version(wanted: bool) -> None:
    if wanted:
        from poolsim import __version__

        typer.echo(f"poolsim {__version__}")
        raise typer.Exit


@app.callback()
def _poolsim(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Simulates what Cassandra drivers' connection pools do, before production does it.

    A scenario (YAML) names a cluster, clients with their driver's options, a load, faults and what
    you expect. `run` says how many connections the pools open, how long requests wait for a stream,
    what is rejected, what a lost node costs, and whether the expectations hold.

    \b
    Exit codes: 0 all well, 1 an expectation failed, 2 wrong usage, 3 invalid input,
    4 inconclusive, 5 a bug in poolsim, 6 something is missing here, 130 interrupted.
    """  # noqa: D301


@app.command()
def run(
    scenario: Annotated[Path, typer.Argument(metavar="SCENARIO", help="A scenario file.")],
    seed: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Other random draws.")
    ] = None,
    replications: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="How many runs with different draws.")
    ] = None,
    engine: EngineOption = Engine.auto,
    overrides: OverridesOption = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where the files go (default: runs/NAME-INPUTS)."),
    ] = None,
    output: Annotated[
        Format, typer.Option("--format", help="json prints one document.")
    ] = Format.text,
    no_report: Annotated[
        bool, typer.Option("--no-report", help="Write no report.html and no plots.")
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Processes at most (default: as many as pay)."),
    ] = None,
    requests: Annotated[
        bool, typer.Option("--requests", help="Also write every request: requests.parquet.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Only check the file and show what its numbers amount to: rates, requests in "
            "flight, utilisation; simulate nothing.",
        ),
    ] = False,
) -> None:
    """Run a scenario and show what its pools do.

    \b
    poolsim run quickstart.yaml --dry-run
    poolsim run quickstart.yaml
    poolsim run quickstart.yaml --set clients.app.options.pooling.local.max=2
    poolsim run quickstart.yaml --seed 8 --replications 20 --format json > result.json
    """  # noqa: D301
    from poolsim.commands.run import Request, run_command

    request = Request(
        scenario=scenario,
        seed=seed,
        replications=replications,
        engine=engine.value,
        overrides=tuple(overrides or ()),
        out=out,
        as_json=output is Format.json,
        report=not no_report,
        jobs=jobs,
        requests=requests,
        dry_run=dry_run,
    )
    finish(lambda: run_command(request))


@app.command(short_help="Run a scenario with many combinations of values.")
def sweep(
    scenario: Annotated[Path, typer.Argument(metavar="SCENARIO", help="A scenario file.")],
    settings: Annotated[
        list[str],
        typer.Option(
            "--set",
            metavar="PATH=VALUES",
            help="Values to combine: 1,2,4 or 1..8 or '1k/s..40k/s log 12'. PATH may end in "
            "core+max: both take the same value. One value replaces the file's.",
        ),
    ],
    metrics: Annotated[
        list[str] | None,
        typer.Option("--metric", metavar="NAME", help="Keep this metric of each point too."),
    ] = None,
    objectives: Annotated[
        str, typer.Option(metavar="A,B", help="What the Pareto front weighs against each other.")
    ] = "cost,latency.p99",
    seed: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Other random draws.")
    ] = None,
    replications: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Runs of each point.")
    ] = None,
    engine: Annotated[
        Engine, typer.Option(help="Who executes the rules; results do not depend on it.")
    ] = Engine.auto,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Processes at most (default: as many as pay)."),
    ] = None,
    dask: Annotated[
        str,
        typer.Option(metavar="ADDRESS", help="Run on this dask scheduler's workers instead."),
    ] = "",
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where the files go (default: sweeps/NAME-SWEEP)."),
    ] = None,
    output: Annotated[
        Format, typer.Option("--format", help="json prints one document.")
    ] = Format.text,
    no_plots: Annotated[bool, typer.Option("--no-plots", help="Write no pictures.")] = False,
) -> None:
    """Run a scenario with many combinations of values, under the same draws.

    Stopped at any moment, the same command goes on where it was.

    \b
    poolsim sweep quickstart.yaml --set clients.app.options.pooling.local.max=1..4
    poolsim sweep s.yaml --set "clients.api.load.poisson.rate=1k/s..40k/s log 12" --jobs 8
    poolsim sweep s.yaml --set clients.api.instances=1..20 --dask tcp://scheduler:8786
    """  # noqa: D301
    from poolsim.commands.sweep import SweepRequest, sweep_command

    request = SweepRequest(
        scenario=scenario,
        settings=tuple(settings),
        metrics=tuple(metrics or ()),
        objectives=tuple(name.strip() for name in objectives.split(",")),
        seed=seed,
        replications=replications,
        engine=engine.value,
        jobs=jobs,
        dask=dask,
        out=out,
        as_json=output is Format.json,
        plots=not no_plots,
    )
    finish(lambda: sweep_command(request))


ChosenAmong = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PATH=VALUES",
        help="Several values: what to choose among, instead of all of `search:` (more than "
        "one --set make combinations). One value: takes the place of the file's, and is not "
        "chosen any more where `search:` names it.",
    ),
]
Headroom = Annotated[
    str | None,
    typer.Option(
        metavar="SHARE",
        help="Choose for so much more load than the file has, such as 30% (`headroom:`).",
    ),
]
OnlyAsked = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Show what is chosen among, what must hold and when, and the cost; simulate nothing.",
    ),
]
RecommendationFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Default: recommendations/NAME.yaml; an earlier one of that name is replaced.",
    ),
]


@app.command(short_help="Find the cheapest settings that meet the expectations.")
def recommend(
    scenario: Annotated[Path, typer.Argument(metavar="SCENARIO", help="A scenario file.")],
    settings: ChosenAmong = None,
    headroom: Headroom = None,
    dry_run: OnlyAsked = False,
    seed: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Other random draws.")
    ] = None,
    replications: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Runs of each setting, at the least.")
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Processes at most (default: as many as pay)."),
    ] = None,
    dask: Annotated[
        str,
        typer.Option(metavar="ADDRESS", help="Run on this dask scheduler's workers instead."),
    ] = "",
    out: RecommendationFile = None,
    output: Annotated[
        Format, typer.Option("--format", help="json prints one document.")
    ] = Format.text,
) -> None:
    """Find the cheapest settings that meet a scenario's expectations, and say why.

    \b
    The scenario says what it needs:
      expect:     what must hold (`poolsim metrics` lists what can be expected)
      search:     what to choose among, {PATH: VALUES}. Default: what matters for the driver;
                  `poolsim drivers NAME` names it, --dry-run shows it with its values.
      cost:       what is cheap: numbers, + - * /, metrics and the settings instances, io_threads,
                  core, max, max_requests, max_queue_size, max_concurrent (of all clients together,
                  or api/instances of one). Default: open connections at the peak; of equals the
                  fewest instances; of those the smallest queue.
      peak:       the phase that counts (default: the highest)
      headroom:   choose for so much more load than there is, such as 30%
      node_loss:  whether all of it must hold with one node lost, too (default: yes where the
                  datacenter has more than one node and the scenario has no faults of its own)

    One node lost: the first node of the first client's datacenter is stopped before the first
    request and stays away to the end of the run, so the others carry its load all the time; the
    expectations cover the same period as without it. What the moment of the loss costs is another
    question: write it under `faults:`, and settings are held against that.

    The answer goes to recommendations/NAME.yaml, NAME being the scenario's; asking again replaces
    it. Exit 1: nothing holds; 4: undecided.

    \b
    poolsim recommend my-service.yaml --dry-run
    poolsim recommend my-service.yaml --headroom 30%
    poolsim recommend s.yaml --set clients.api.options.pooling.local.core+max=1..8
    """  # noqa: D301
    from poolsim.commands.recommend import RecommendRequest, recommend_command

    request = RecommendRequest(
        scenario=scenario,
        settings=tuple(settings or ()),
        headroom=headroom,
        seed=seed,
        replications=replications,
        jobs=jobs,
        dask=dask,
        out=out,
        as_json=output is Format.json,
        dry_run=dry_run,
    )
    finish(lambda: recommend_command(request))


@app.command(short_help="Do recommendations still hold?")
def check(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH", help="Recommendations, or folders of them."),
    ],
    update: Annotated[
        bool,
        typer.Option("--update", help="Write anew what changed; look at the difference first."),
    ] = False,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write JUnit XML too.")] = None,
    summary: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Append a summary in Markdown (default: GitHub's, where there is one).",
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Processes at most (default: as many as pay)."),
    ] = None,
) -> None:
    """Hold recommendations against today's scenarios and model.

    At once where nothing changed. Otherwise each question is asked again: exit 0 where the choice
    still holds and costs at most 5 % more than the best, 1 where it does not, 4 where undecided.

    \b
    poolsim check recommendations/
    poolsim check recommendations/ --junit check.xml
    """  # noqa: D301
    from poolsim.commands.recommend import CheckRequest, check_command

    request = CheckRequest(tuple(paths), update, junit, summary, jobs)
    finish(lambda: check_command(request))


@app.command(short_help="What differs between two runs, and whether it is chance.")
def compare(
    run_a: Annotated[Path, typer.Argument(metavar="RUN_A", help="The directory of a run.")],
    run_b: Annotated[Path, typer.Argument(metavar="RUN_B", help="Another one.")],
    metrics: Annotated[
        list[str] | None,
        typer.Option("--metric", metavar="NAME", help="Only this metric; more than once."),
    ] = None,
    show_all: Annotated[
        bool, typer.Option("--all", help="Show metrics without a difference (~) too.")
    ] = False,
    output: Annotated[
        Format, typer.Option("--format", help="json prints one document.")
    ] = Format.text,
) -> None:
    """Compare two runs metric by metric: paired where both had the same seed.

    \b
    poolsim compare runs/small-1f2e3d4c5b6a runs/small-6a5b4c3d2e1f
    """  # noqa: D301
    from poolsim.commands.runs import compare_command

    as_json = output is Format.json
    finish(lambda: compare_command(run_a, run_b, tuple(metrics or ()), show_all, as_json))


@app.command(short_help="One request's life in words.")
def explain(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The directory of a run.")],
    which: Annotated[
        str, typer.Argument(metavar="[slowest|failed|N]", help="Or of one client: api/slowest.")
    ] = "slowest",
    replication: Annotated[int, typer.Option(min=0, metavar="N", help="Of which replication.")] = 0,
) -> None:
    """Tell what one request waited for, where it was tried and what it took.

    \b
    poolsim explain runs/small-1f2e3d4c5b6a
    poolsim explain runs/small-1f2e3d4c5b6a failed
    poolsim explain runs/small-1f2e3d4c5b6a api/1234
    """  # noqa: D301
    from poolsim.commands.runs import explain_command

    finish(lambda: explain_command(run, which, replication))


@app.command(short_help="Write a run for other tools: .hdr logs, Perfetto traces.")
def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The directory of a run.")],
    hdr: Annotated[
        Path | None, typer.Option(metavar="FILE", help="An HdrHistogram log of the latencies.")
    ] = None,
    trace: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A trace for Perfetto (JSON).")
    ] = None,
    replication: Annotated[int, typer.Option(min=0, metavar="N", help="Which one.")] = 0,
) -> None:
    """Write one replication of a run in other tools' formats.

    \b
    poolsim export runs/small-1f2e3d4c5b6a --hdr latency.hdr --trace trace.json
    """  # noqa: D301
    from poolsim.commands.runs import export_command

    finish(lambda: export_command(run, hdr, trace, replication))


@app.command(short_help="Write a commented scenario to start from.")
def init(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="What to write (default: TEMPLATE.yaml)."),
    ] = None,
    template: Annotated[
        str, typer.Option(metavar="NAME", help="Which question to start from.")
    ] = "quickstart",
    show_list: Annotated[bool, typer.Option("--list", help="List the templates.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Write a commented scenario to start from, and its schema for editors.

    \b
    poolsim init --list
    poolsim init --template fan-out
    """  # noqa: D301
    from poolsim.commands.init import init_command, list_command

    finish(list_command if show_list else lambda: init_command(template, file, force))


@app.command()
def schema() -> None:
    """Print the scenario format as JSON Schema, for editors.

    \b
    poolsim schema > scenario.schema.json
    # yaml-language-server: $schema=./scenario.schema.json     (first line of the scenario)
    """  # noqa: D301
    from poolsim.commands.reference import schema_command

    finish(schema_command)


@app.command()
def metrics() -> None:
    """List the metrics that expectations may name.

    \b
    poolsim metrics
    expect: [latency.p99 < 20ms, api/rejected@spike == 0]     (in the scenario)
    """  # noqa: D301
    from poolsim.commands.reference import metrics_command

    finish(metrics_command)


@app.command(short_help="List the drivers, or one driver's options.")
def drivers(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Show this driver's options.")
    ] = None,
) -> None:
    """List the drivers, or one driver's options with its own names, defaults and sources.

    \b
    poolsim drivers
    poolsim drivers java3
    """  # noqa: D301
    from poolsim.commands.reference import driver_command, drivers_command

    finish(drivers_command if name is None else lambda: driver_command(name))


@app.command(short_help="Replay recorded decisions of a real pool.")
def replay(
    traces: Annotated[
        list[Path], typer.Argument(metavar="TRACE", help="Decision traces (JSON Lines).")
    ],
) -> None:
    """Replay recorded decisions of a real driver's pool and compare every line.

    \b
    poolsim replay java3-1.jsonl java3-2.jsonl
    """  # noqa: D301
    from poolsim.commands.replay import replay_command

    finish(lambda: replay_command(traces))


cluster = typer.Typer(
    short_help="Start or remove a real Cassandra cluster in containers.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(cluster, name="cluster")


@cluster.callback()
def _cluster() -> None:
    """A real Cassandra cluster in containers, to check predictions against.

    Nodes are containers on 127.0.0.1, 127.0.0.2, …, port 9042, without authentication: any driver
    can connect. The image is cassandra:5.0 where it can be pulled; otherwise one like it is built
    once, from Debian packages and Maven jars (root on Debian, about a minute).

    \b
    poolsim cluster up --nodes 3
    poolsim cluster status
    poolsim cluster down
    """  # noqa: D301


@cluster.command(name="up", short_help="Start a cluster that stays.")
def cluster_up(
    nodes: Annotated[
        int, typer.Option(min=1, max=9, metavar="N", help="How many nodes; 1.5 GiB each.")
    ] = 1,
) -> None:
    """Start a cluster that stays until `poolsim cluster down`.

    A healthy one with so many nodes is left as it is; anything else that an earlier run left is
    removed first. What is missing (engine, memory, a free port) is said before anything starts.

    \b
    poolsim cluster up --nodes 3
    """  # noqa: D301
    from poolsim.commands.cluster import up_command

    finish(lambda: up_command(nodes))


@cluster.command(name="status", short_help="Show the nodes, and whether they are well.")
def cluster_status() -> None:
    """Show the nodes and whether they are well: exit code 0 if all are, 6 if not.

    \b
    poolsim cluster status
    """  # noqa: D301
    from poolsim.commands.cluster import status_command

    finish(status_command)


@cluster.command(name="down", short_help="Remove the nodes and what a killed run left.")
def cluster_down() -> None:
    """Remove the nodes, their data, and every process that a killed run left behind.

    \b
    poolsim cluster down
    """  # noqa: D301
    from poolsim.commands.cluster import down_command

    finish(down_command)


@app.command(short_help="Record what a real driver does by a plan.")
def record(
    plans: Annotated[
        list[Path],
        typer.Argument(metavar="PLAN", help="Scenario files with a block `record`."),
    ],
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Where recordings go: DIR/PLAN/REPETITION.")
    ] = Path("recordings"),
    repetitions: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="How many (default: as the plan says)."),
    ] = None,
) -> None:
    """Give a plan's load and faults to a real driver on a real cluster, and record what it does.

    The cluster that is up is used if it fits; otherwise one is started, and removed at the end.
    Repetitions that are there already are not made again.

    \b
    poolsim record harness/plans/mechanism/growth.yaml
    poolsim record harness/plans/*/*.yaml --repetitions 5 --out recordings
    """  # noqa: D301
    from poolsim.commands.record import Request, record_command

    finish(lambda: record_command(Request(tuple(plans), out, repetitions)))


@app.command(short_help="Fit a cluster block to a recording.")
def calibrate(
    recording: Annotated[
        Path, typer.Argument(metavar="RUN", help="A recording: DIR/PLAN/REPETITION.")
    ],
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="FILE", help="Where it goes (default: printed)."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Fit service law, workers and network delay to a recording, as a scenario's `cluster:` block.

    \b
    poolsim calibrate recordings/steady/1 -o cluster.yaml
    """  # noqa: D301
    from poolsim.commands.calibrate import calibrate_command

    finish(lambda: calibrate_command(recording, out, force))


@app.command(short_help="Compare with real drivers on a real cluster.")
def validate(
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Two drivers' decisions and two plans: about six minutes."),
    ] = False,
    sizing: Annotated[
        bool,
        typer.Option("--sizing", help="Measure recommendations instead: about twenty minutes."),
    ] = False,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the report goes.")] = Path(
        "reports/fidelity"
    ),
    recordings: Annotated[
        Path, typer.Option(metavar="DIR", help="Where recordings are kept, and found again.")
    ] = Path("recordings"),
    only_report: Annotated[
        bool,
        typer.Option("--report-only", help="Write the report of DIR/results.json anew."),
    ] = False,
) -> None:
    """Record real drivers on a real cluster, hold the simulation against them, write a report.

    What is recorded already is not recorded again, so an interrupted validation goes on where it
    was. Without --quick it takes some hours. Exit code 0: every figure held; 1: one does not, or a
    decision differs; 4: too little could be measured here; 6: no container engine, Java or memory.

    With --sizing, settings that `recommend` chooses are given to a real driver, and the next
    smaller ones as well: the first must meet the expectation, the second must not. The report gets
    one section more.

    \b
    poolsim validate --quick
    poolsim validate --sizing
    poolsim validate --out reports/fidelity --recordings recordings
    """  # noqa: D301
    from poolsim.commands.validate import Request, validate_command

    finish(lambda: validate_command(Request(quick, sizing, out, recordings, only_report)))


def main() -> None:
    """The `poolsim` command."""
    app(prog_name="poolsim")


if __name__ == "__main__":
    main()
