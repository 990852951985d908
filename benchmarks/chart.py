"""A picture of the figures that have a bar: how far each is from it."""

import math
import re
from collections.abc import Sequence
from xml.sax.saxutils import escape

from benchmarks.figures import Figure

_BAR = re.compile(r"(?P<sign>[≥≤]) (?P<number>[0-9.]+)")

_WIDTH, _LABELS, _ROW, _TOP = 860, 400, 24, 44
_SIDE = 150
"""From the bar's line to where ten times better or ten times worse is."""

_STYLE = """
    text { font: 12px system-ui, sans-serif; fill: #24292f; }
    .good { fill: #2da44e; } .short { fill: #cf222e; } .spread { stroke: #57606a; } .line { stroke: #24292f; }
    @media (prefers-color-scheme: dark) {
        text { fill: #c9d1d9; } .spread { stroke: #8b949e; } .line { stroke: #c9d1d9; }
    }
"""


def chart(figures: Sequence[Figure], *, caption: str) -> str:
    """An SVG document: a row for each figure with a bar, to the right of the line when it is met.

    A row is as long as the logarithm of how many times better (or worse) it is than the bar wants, up to ten.
    """
    rows = [(figure, found) for figure in figures if (found := _BAR.match(figure.bar)) and float(found["number"])]
    line, height = _LABELS + _SIDE, _TOP + _ROW * len(rows) + 12
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}">',
        f"<style>{_STYLE}</style>",
        f'<text x="8" y="18">{escape(caption)}</text>',
        f'<text x="{line}" y="36" text-anchor="middle">the bar</text>',
    ]
    for number, (figure, found) in enumerate(rows):
        parts += _row(figure, found, y=_TOP + number * _ROW, line=line)
    parts += [f'<line class="line" x1="{line}" x2="{line}" y1="{_TOP - 4}" y2="{height - 8}"/>', "</svg>", ""]
    return "\n".join(parts)


def _row(figure: Figure, bar: "re.Match[str]", *, y: int, line: int) -> list[str]:
    wants_more = bar["sign"] == "≥"
    number = float(bar["number"])

    def place(value: float) -> float:
        ratio = value / number if wants_more else number / max(value, 1e-9)
        return line + _SIDE * max(-1.0, min(1.0, math.log10(max(ratio, 1e-9))))

    end = place(figure.value)
    length = max(abs(end - line), 2.0)  # what is just met is to be seen as well
    kind = "good" if end >= line else "short"
    value = f"{figure.value:.2f} {figure.unit}".strip()
    parts = [
        f'<text x="8" y="{y + 14}">{escape(f"{figure.id}  {figure.what}")}</text>',
        f'<rect class="{kind}" x="{min(line, end):.1f}" y="{y + 4}" width="{length:.1f}" height="14"/>',
        f'<text x="{line + _SIDE + 10}" y="{y + 14}">{escape(f"{value} ({figure.bar})")}</text>',
    ]
    if figure.low is not None and figure.high is not None:
        ends = f'x1="{place(figure.low):.1f}" x2="{place(figure.high):.1f}"'
        parts.append(f'<line class="spread" {ends} y1="{y + 11}" y2="{y + 11}"/>')
    return parts
