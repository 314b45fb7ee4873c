"""A choice as an application writes it: `PoolingOptions.setMaxQueueSize(16)`.

Only options whose own name says how they are set: setters, properties of a configuration object and
what is given to a constructor as it stands. Of the rest (policies with several arguments, what an
application builds itself) nothing is said.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from poolsim.planning.recommend.question import Question
from poolsim.scenario.drivers import DRIVERS
from poolsim.scenario.options import DriverOption
from poolsim.scenario.scenario import Client

_NS_OF = {"s": 1_000_000_000, "ms": 1_000_000}
_ARGUMENTS = re.compile(r"(?P<call>[\w.]+)\((?P<distance>LOCAL|REMOTE), n\)")
_SETTER = re.compile(r"[\w.]+\.set[A-Z]\w*?(?P<unit>Seconds|Millis)?")
_PROPERTY = re.compile(r"[\w.]+(\[[^\]]+\])?")
_GIVEN = re.compile(r"\w+\(\w+=\[.*\]\)")
_UNITS = {"Seconds": "s", "Millis": "ms"}
_PLAIN_KINDS = ("count", "duration", "flag", "share")


@dataclass(frozen=True, slots=True)
class _Language:
    """How properties are set: with which sign, in which unit times are, and the two flags."""

    sets: str
    unit: str
    flags: tuple[str, str]


_JAVASCRIPT = _Language(": ", "ms", ("false", "true"))
_PYTHON = _Language(" = ", "s", ("False", "True"))
_PROPERTIES = {
    "python": _PYTHON,
    "async_cassandra": _PYTHON,
    "nodejs": _JAVASCRIPT,
    "cassandraorm": _JAVASCRIPT,
}
"""Of the drivers that are configured by properties; java3 has setters only."""


def in_the_driver(question: Question, number: int) -> tuple[str, ...]:
    """What a point chooses, a line each that begins with the client's name where there are several;
    in the order of the parameters."""
    clients = question.scenario(number).clients
    found: list[str] = []
    for path in (path for parameter in question.space.parameters for path in parameter.paths):
        for place, client in enumerate(clients):
            for prefix in (f"clients.{client.name}.options.", f"clients[{place}].options."):
                line = _line(client, path.removeprefix(prefix)) if path.startswith(prefix) else ""
                if line:
                    found.append(f"{client.name}: {line}" if len(clients) > 1 else line)
    return tuple(dict.fromkeys(found))


def _line(client: Client, path: str) -> str:
    """One option with the client's value; "" where its name does not say how it is set."""
    option = DRIVERS[client.driver_name].option(path)
    if option is None or option.written.kind not in _PLAIN_KINDS:
        return ""
    name, language = option.own_name, _PROPERTIES.get(client.driver_name)
    call = _ARGUMENTS.fullmatch(name)
    if call is not None:
        return f"{call['call']}(HostDistance.{call['distance']}, {_value(client, option)})"
    setter = _SETTER.fullmatch(name)
    if setter is not None:
        return f"{name}({_value(client, option, _UNITS.get(setter['unit'] or '', 'ms'))})"
    if _GIVEN.fullmatch(name):
        return name if option.value(client.options) else ""
    if language is not None and _PROPERTY.fullmatch(name):
        value = _value(client, option, language.unit, language.flags)
        return f"{name}{language.sets}{value}"
    return ""


def _value(
    client: Client,
    option: DriverOption,
    unit: str = "ms",
    flags: tuple[str, str] = ("false", "true"),
) -> str:
    value = option.value(client.options)
    if isinstance(value, bool):
        return flags[value]
    if option.written.kind == "duration":
        return f"{value / _NS_OF[unit]:g}"
    return f"{value:g}" if isinstance(value, float) else str(value)
