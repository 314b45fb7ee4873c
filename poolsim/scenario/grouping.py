"""Numbers whose digits people group, `36,000/s`, and numbers with a decimal comma, `1,5ms`.

Neither is read: 36,000 is thirty-six to one half of the world. They are recognised, so that the
mistake says what to write. A comma also parts the items of a list and of a block in braces, so
there one number arrives in pieces: `{rate: 36,000/s}` is a rate of 36 and a key `000/s`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_GROUPED = re.compile(
    r"\s*\+?(?P<number>[1-9]\d{0,2}(?P<sign>[,'_\u2019\s\u00a0\u202f])\d{3}(?:(?P=sign)\d{3})*)"
    r"(?P<fraction>\.\d+)?\s*(?P<unit>[^\W\d_][^\d,]*|/[^\d,]*|%)?"
)
_DECIMAL_COMMA = re.compile(r"\s*\+?(\d+),(\d+)\s*([^\W\d_][^\d,]*|/[^\d,]*|%)")
_HEAD = re.compile(r"[1-9]\d{0,2}")
_GROUP = re.compile(r"\d{3}")
_LAST_GROUP = re.compile(r"\d{3}(?:\.\d+)?\s*(?:[^\W\d_][^\d,]*|/[^\d,]*|%)?")
_LONGEST = 60


def ungrouped(text: str, usual_unit: str = "") -> str:
    """What to write instead: `36000/s or 36k/s`, `1.5ms`; "" where no digits are grouped.

    `usual_unit` follows where the text has no unit of its own.
    """
    if len(text) > _LONGEST:
        return ""
    match = _GROUPED.fullmatch(text)
    if match is None:
        comma = _DECIMAL_COMMA.fullmatch(text)
        return f"{comma[1]}.{comma[2]}{comma[3].strip()}" if comma else ""
    digits = "".join(character for character in match["number"] if character.isdigit())
    unit = (match["unit"] or usual_unit).strip()
    plain = f"{digits}{match['fraction'] or ''}{unit}"
    if match["fraction"] or not digits.endswith("000") or unit[:1] not in ("", "/"):
        return plain
    thousands = digits[:-3]
    short = f"{thousands[:-3]}M" if thousands.endswith("000") else f"{thousands}k"
    return f"{plain} or {short}{unit}"


def torn(parts: Sequence[str]) -> str:
    """The number of which a comma made several parts: `36,000/s` of `36` and `000/s` at the
    beginning of `parts`; "" where they are no such number."""
    if len(parts) < 2 or not _HEAD.fullmatch(parts[0]):
        return ""
    taken = [parts[0]]
    for part in parts[1:]:
        if _GROUP.fullmatch(part):
            taken.append(part)
        elif _LAST_GROUP.fullmatch(part):
            taken.append(part)
            break
        else:
            break
    return ",".join(taken) if len(taken) > 1 else ""
