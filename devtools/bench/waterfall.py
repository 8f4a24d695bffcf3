"""Draws the calls of a run as a waterfall: an SVG with a row for each call and a time axis.

The same calls give the same file, byte by byte. Its colours suit a light and a dark background: it brings
one of its own, and follows what the reader prefers.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from devtools.bench.calls import ARM, GITHUB, KUBERNETES, POSTGRES, Call
from devtools.bench.gaps import Gap, gaps

_WIDTH, _LEFT, _RIGHT = 1200, 430, 60  # of the picture, of the labels, and of the space after the bars
_ROW, _BAR, _TOP, _BOTTOM = 14, 10, 74, 14
_LABEL, _CHARACTER = 66, 6  # characters of a label, and the width of one
_COLOURS = {KUBERNETES: "#3f7fdb", POSTGRES: "#d9822b", GITHUB: "#8a63d2", ARM: "#2a9d6f"}
_UNKNOWN = "#8c8c8c"
_STEPS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_TICKS = 12  # on the time axis at most
_SPACE = _WIDTH - _LEFT - _RIGHT
_STYLE = """
:root { color-scheme: light dark; }
.paper { fill: #ffffff; } .grid { stroke: #d8dee4; } .gap { fill: #d8dee4; opacity: .5; }
text { font: 10px ui-monospace, Menlo, Consolas, monospace; fill: #1f2328; }
.title { font-size: 14px; font-weight: bold; } .quiet { fill: #59636e; }
@media (prefers-color-scheme: dark) {
  .paper { fill: #0d1117; } .grid { stroke: #30363d; } .gap { fill: #484f58; }
  text { fill: #e6edf3; } .quiet { fill: #9198a1; }
}
"""


@dataclass(frozen=True, kw_only=True)
class Row:
    """Where a call stands in the picture, in pixels.

    Attributes:
        call: the call.
        x: the left end of its bar.
        y: the upper end of its row.
        width: the width of its bar.
    """

    call: Call
    x: float
    y: int
    width: float


def layout(calls: Sequence[Call], *, begin: float, end: float) -> list[Row]:
    """Place the calls, one a row, in the order in which they began.

    Args:
        calls: the calls of a run.
        begin: when the run began.
        end: when it ended.
    """
    scale = _SPACE / (end - begin)
    ordered = sorted(calls, key=lambda call: (call.began, call.ended, call.system, call.what))
    return [
        Row(
            call=call,
            x=_LEFT + (call.began - begin) * scale,
            y=_TOP + number * _ROW,
            width=max(1.0, call.seconds * scale),
        )
        for number, call in enumerate(ordered)
    ]


def label(what: str, most: int = _LABEL) -> str:
    """Shorten a call's text: of a path the end says most, of a statement the beginning."""
    if len(what) <= most:
        return what
    method, _, path = what.partition(" ")
    if path.startswith("/"):
        return f"{method} …{path[len(method) + 2 - most :]}"
    return f"{what[: most - 1]}…"


def svg(
    title: str,
    calls: Sequence[Call],
    *,
    begin: float,
    end: float,
    explained: Callable[[Gap], str] = lambda _: "",
) -> str:
    """Draw a run.

    Args:
        title: the heading.
        calls: its calls.
        begin: when it began.
        end: when it ended.
        explained: says what ran in a gap.

    Returns:
        The text of the SVG file.
    """
    rows = layout(calls, begin=begin, end=end)
    height = _TOP + len(calls) * _ROW + _BOTTOM
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="paper" width="{_WIDTH}" height="{height}"/>',
        f'<text class="title" x="12" y="22">{escape(title)}</text>',
        *_legend(calls),
        *_axis(begin, end, height),
        *_gaps(rows, begin, end, explained),
        *(line for row in rows for line in _bar(row, begin)),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _legend(calls: Sequence[Call]) -> Iterator[str]:
    x = 12
    for system in sorted({call.system for call in calls}):
        number = sum(call.system == system for call in calls)
        text = f"{system} ({number})"
        yield f'<rect x="{x}" y="34" width="10" height="10" fill="{_COLOURS.get(system, _UNKNOWN)}"/>'
        yield f'<text x="{x + 15}" y="43">{escape(text)}</text>'
        x += 15 + _CHARACTER * len(text) + 22
    yield f'<rect class="gap" x="{x}" y="34" width="10" height="10"/>'
    yield f'<text x="{x + 15}" y="43">no call under way</text>'
    yield f'<text class="quiet" x="{x + 145}" y="43">numbers: milliseconds</text>'


def _axis(begin: float, end: float, height: int) -> Iterator[str]:
    step = next((step for step in _STEPS if (end - begin) / step <= _TICKS), _STEPS[-1])
    for number in range(math.floor((end - begin) / step + 1e-9) + 1):
        at = number * step
        x = _LEFT + at * _SPACE / (end - begin)
        yield f'<line class="grid" x1="{x:.1f}" y1="{_TOP - 8}" x2="{x:.1f}" y2="{height - _BOTTOM}"/>'
        yield f'<text class="quiet" x="{x:.1f}" y="{_TOP - 12}" text-anchor="middle">{at:g} s</text>'


def _gaps(rows: Sequence[Row], begin: float, end: float, explained: Callable[[Gap], str]) -> Iterator[str]:
    scale = _SPACE / (end - begin)
    for gap in gaps((row.call for row in rows), begin=begin, end=end):
        x, width = _LEFT + (gap.begins - begin) * scale, gap.seconds * scale
        why = explained(gap)
        told = f"{gap.seconds * 1000:.0f}{f': {why}' if why else ''}"
        yield (
            f'<rect class="gap" x="{x:.1f}" y="{_TOP}" width="{width:.1f}" height="{len(rows) * _ROW}">'
            f"<title>no call under way: {escape(told)}</title></rect>"
        )
        # Left of the bar that follows there is nothing but the gap, and then the labels.
        following = next((row for row in rows if row.call.began >= gap.ends), None)
        if following is not None:
            told = told if len(told) * _CHARACTER < following.x - _LEFT else told.partition(":")[0]
            yield (
                f'<text class="quiet" x="{following.x - 4:.1f}" y="{following.y + _BAR - 1}" '
                f'text-anchor="end">{escape(told)}</text>'
            )


def _bar(row: Row, begin: float) -> Iterator[str]:
    call, middle = row.call, row.y + _BAR - 1
    told = (
        f"{call.system}: {call.what}\nfrom {call.began - begin:.3f} s, {call.seconds * 1000:.0f} ms"
        f"{', opens a connection' if call.opened else ''}"
    )
    yield f'<text x="12" y="{middle}">{escape(label(call.what))}</text>'
    yield (
        f'<rect x="{row.x:.1f}" y="{row.y}" width="{row.width:.1f}" height="{_BAR}" '
        f'fill="{_COLOURS.get(call.system, _UNKNOWN)}"><title>{escape(told)}</title></rect>'
    )
    yield (
        f'<text class="quiet" x="{row.x + row.width + 4:.1f}" y="{middle}">{call.seconds * 1000:.0f}</text>'
    )
