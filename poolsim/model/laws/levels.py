"""The level of a load over time: its base and its phases as pieces of straight lines."""

from __future__ import annotations

from dataclasses import dataclass

from poolsim.scenario.scenario import Load, Phase


@dataclass(frozen=True, slots=True)
class Piece:
    """From `begin_ns` to `end_ns` the level is `level + slope_per_ns * (t - begin_ns)`."""

    begin_ns: int
    end_ns: int
    level: float
    slope_per_ns: float

    @property
    def end_level(self) -> float:
        """The level just before `end_ns`."""
        return self.level + self.slope_per_ns * (self.end_ns - self.begin_ns)


def pieces(base: float, phases: tuple[Phase, ...], duration_ns: int) -> list[Piece]:
    """Cut 0 <= t < duration into pieces, in time order and without gaps.

    A phase ends after its `for_ns`, or where the next one begins if that is earlier; then the
    base returns. Of two phases that begin together the later of the list holds. A ramp starts at
    the level just before it: the base, or the last level of the phase that ends where it begins.
    A ramp that is cut short keeps its slope.
    """
    ordered = sorted(phases, key=lambda phase: phase.at_ns)
    result: list[Piece] = []
    time_ns, before = 0, base
    for k, phase in enumerate(ordered):
        following = ordered[k + 1].at_ns if k + 1 < len(ordered) else duration_ns
        next_ns = min(following, duration_ns)
        planned_ns = phase.at_ns + phase.for_ns if phase.for_ns > 0 else following
        end_ns = min(planned_ns, next_ns)
        if end_ns <= phase.at_ns:
            continue
        if phase.at_ns > time_ns:
            result.append(Piece(time_ns, phase.at_ns, base, 0.0))
            before = base
        if phase.kind == "ramp":
            slope = (phase.value - before) / (planned_ns - phase.at_ns)
            piece = Piece(phase.at_ns, end_ns, before, slope)
        else:
            piece = Piece(phase.at_ns, end_ns, phase.value, 0.0)
        result.append(piece)
        time_ns, before = end_ns, piece.end_level
    if time_ns < duration_ns:
        result.append(Piece(time_ns, duration_ns, base, 0.0))
    return result


def level_changes(load: Load, duration_ns: int) -> list[tuple[int, int]]:
    """Return when the window of a closed load, or the number of users, changes, and to what.

    Returns:
        Pairs (time in ns, level), the first at time 0, levels of neighbours different. A ramp
        takes one step at each whole level that its line reaches.

    Raises:
        ValueError: the load is an open one.
    """
    if load.kind not in ("closed", "users"):
        raise ValueError(f"a load of kind {load.kind!r} has a rate, not a level")
    base = load.window if load.kind == "closed" else load.count
    changes: list[tuple[int, int]] = []
    for piece in pieces(float(base), load.phases, duration_ns):
        for time_ns, level in _steps(piece):
            if not changes or changes[-1][1] != level:
                changes.append((time_ns, level))
    return changes


def _steps(piece: Piece) -> list[tuple[int, int]]:
    begin, end = round(piece.level), round(piece.end_level)
    steps = [(piece.begin_ns, begin)]
    direction = 1 if end > begin else -1
    for level in range(begin + direction, end + direction, direction) if begin != end else ():
        time_ns = piece.begin_ns + round((level - piece.level) / piece.slope_per_ns)
        if time_ns <= piece.end_ns:
            steps.append((time_ns, level))
    return steps
