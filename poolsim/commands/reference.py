"""`poolsim schema`, `metrics` and `drivers`: what may be written in a scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from poolsim.commands.exit_codes import UsageError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from poolsim.scenario.options import Driver, DriverOption

_UNITS = {"s": "time", "1/s": "rate", "share": "share", "count": "count", "B": "size"}
_EXAMPLES = {"s": "20ms", "1/s": "20k/s", "share": "5%", "count": "10", "B": "20MB"}


def schema_command() -> int:
    """Print the JSON Schema."""
    from poolsim.scenario.json_schema import schema_text

    typer.echo(schema_text(), nl=False)
    return 0


def metrics_command() -> int:
    """Print all metrics."""
    from poolsim.scenario.metrics import METRICS

    console = _console()
    table = _table("metric", "unit", "statistics", "meaning")
    for metric in METRICS.values():
        statistics = " ".join(
            f"{name}*" if name == metric.default_statistic else name for name in metric.statistics
        )
        table.add_row(metric.name, _UNITS[metric.unit], statistics, metric.meaning)
    console.print(table)
    console.print(
        "\nWrite [client/]metric[.statistic][@phase] in expectations, such as "
        "api/latency.p99@spike < 20ms.\n"
        "* stands where no statistic is written. Without a client: over all clients; without a "
        "phase: over the run after the warm-up.\n"
        "Values: "
        + ", ".join(f"a {_UNITS[unit]} {example}" for unit, example in _EXAMPLES.items())
        + ".",
        markup=False,
        highlight=False,
    )
    return 0


def drivers_command() -> int:
    """Print the drivers."""
    from poolsim.scenario.drivers import DRIVERS

    console = _console()
    table = _table("driver", "what it is", "its pools")
    for driver in DRIVERS.values():
        table.add_row(driver.name, driver.title, driver.pools)
    console.print(table)
    console.print("\npoolsim drivers NAME shows a driver's options.", markup=False, highlight=False)
    return 0


def driver_command(name: str) -> int:
    """Print one driver's options."""
    from poolsim.scenario.drivers import DRIVERS
    from poolsim.scenario.mistakes import did_you_mean

    driver = DRIVERS.get(name)
    if driver is None:
        hint = did_you_mean(name, DRIVERS) or f" (there is {', '.join(DRIVERS)})"
        raise UsageError(f"there is no driver {name}{hint}")
    console = _console()
    lines = "\n".join([driver.title, driver.pools, ""])
    console.print(lines, markup=False, highlight=False)
    console.print(_options_table(driver))
    console.print(
        "\n* may also be set at runtime, under `changes`, by its whole path.\n"
        f"Sources count from {_repository(driver)}.\n\n{_default_search(driver)}",
        markup=False,
        highlight=False,
    )
    return 0


def _default_search(driver: Driver) -> str:
    """What `recommend` chooses among for this driver, taken from a search that it would make."""
    from poolsim.planning.recommend.asked import default_settings

    def listed(protocol: str) -> str:
        always = default_settings(driver.name, protocol, with_cpu=False)
        only_with_cpu = [
            f"{path} (where the file has one, and cpu.per_request)"
            for path in default_settings(driver.name, protocol)
            if path not in always
        ]
        return ", ".join([*only_with_cpu, *always])

    old, new = listed("v2"), listed("v4")
    settings = new if old == new else f"v3 on: {new}; v1, v2: {old}"
    return (
        "Without `search:` or --set, poolsim recommend chooses among these of each client, around "
        f"a first guess (--dry-run shows the values): {settings}."
    )


def _console() -> Console:
    """The terminal's width; a file gets room for the tables."""
    from rich.console import Console

    console = Console()
    return console if console.is_terminal else Console(width=150)


def _options_table(driver: Driver) -> Table:
    """A row an option, under the block of the file that it stands in."""
    from rich.markup import escape

    table = _table("option", "default", "in the driver")
    above = ""
    for option in driver.options:
        block, _, key = option.path.rpartition(".")
        if block != above:
            table.add_row(f"[bold]{block}[/]" if block else "")
            above = block
        indent = "  " if block else ""
        runtime = " *" if option.at_runtime else ""
        table.add_row(
            f"{indent}{key}{runtime}",
            _default_text(driver, option),
            f"[cyan]{escape(option.own_name)}[/]  [dim]{_place(option)}[/]\n"
            f"{escape(option.meaning)}",
        )
    return table


def _place(option: DriverOption) -> str:
    """`PoolingOptions.java:197`."""
    return option.source.rpartition("/")[2]


def _repository(driver: Driver) -> str:
    """`datastax/java-driver@3.11.0:driver-core/.../core`, what most places are below."""
    return driver.options[0].source.rpartition("/")[0]


def _default_text(driver: Driver, option: DriverOption) -> str:
    """The default, or two where the protocol decides."""
    old, new = (_default(driver, option, protocol) for protocol in (2, 4))
    return old if old == new else f"v1, v2: {old}\nv3 on: {new}"


def _table(*headings: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for heading in headings:
        table.add_column(heading, no_wrap=heading == headings[0], overflow="fold")
    return table


def _default(driver: Driver, option: DriverOption, protocol: int) -> str:
    """The default as it would be written in a file."""
    if driver.unavailable(protocol, option.path):
        return "-"
    options = driver.defaults(protocol)
    if option.path.startswith("reconnection."):
        kind = options.reconnection.kind
        if not option.path.startswith(f"reconnection.{kind}."):
            return "-"
    value = option.written.write(option.value(driver.complete(options)))
    return str(value).lower() if isinstance(value, bool) else str(value)
