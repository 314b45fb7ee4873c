"""A recommendation in a notebook."""

from __future__ import annotations

import io
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from poolsim.api.html import table
from poolsim.planning.recommend.answer import Answer
from poolsim.report.units import estimate_text

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class Recommended:
    """The cheapest settings that hold, or that there are none."""

    answer: Answer

    @property
    def choice(self) -> dict[str, str] | None:
        """The chosen value by path, None where nothing holds or nothing could be decided."""
        return dict(self.answer.choice.values) if self.answer.choice else None

    @property
    def margins(self) -> pandas.DataFrame:
        """A row an expectation and circumstance: `expectation`, `when`, `mean`, `half_width` (SI
        units), `left_of_limit` (share of the limit, NaN where there is none)."""
        import pandas

        rows = [
            {
                "expectation": one.verdict.text,
                "when": one.variant,
                "status": one.verdict.status,
                "mean": one.verdict.estimate.mean,
                "half_width": one.verdict.estimate.half_width,
                "left_of_limit": float("nan") if one.share is None else one.share,
            }
            for one in self.answer.margins
        ]
        return pandas.DataFrame(rows)

    @property
    def near_optimal(self) -> pandas.DataFrame:
        """A row a setting that is as good, the choice first: its values and `extra_cost`."""
        import pandas

        rows = [
            {**one.values, "extra_cost": one.extra_cost.mean} for one in self.answer.near_optimal
        ]
        return pandas.DataFrame(rows)

    @property
    def reasons(self) -> tuple[str, ...]:
        """What binds, then advice and warnings, a sentence each."""
        return (*self.answer.reasons, *self.answer.advice, *self.answer.warnings)

    def text(self) -> str:
        """What `poolsim recommend` prints."""
        from rich.console import Console

        from poolsim.report.planning.recommendation_text import show_answer

        buffer = io.StringIO()
        # In a notebook rich would show it by itself, and give nothing.
        console = Console(file=buffer, width=100, no_color=True, force_jupyter=False)
        show_answer(self.answer, console, Path("scenario.yaml"), None)
        return buffer.getvalue()

    def _repr_html_(self) -> str:
        one = self.answer.choice or self.answer.nearest
        assert one is not None, "something was simulated"
        title = {"found": "chosen", "none": "nothing holds; nearest", "undecided": "undecided"}
        values = ", ".join(f"{label.rpartition('.')[2]} {v}" for label, v in one.values.items())
        rows = [
            (m.verdict.text, m.verdict.status, estimate_text(m.verdict.estimate), m.variant)
            for m in self.answer.margins
        ]
        sentences = "".join(f"<li>{escape(text)}</li>" for text in self.reasons)
        head = f"<b>{title[self.answer.status]}: {escape(values)}</b>"
        return f"{head}{table(('expectation', '', 'measured', ''), rows)}<ul>{sentences}</ul>"
