"""Line chart of the values of places over time, as an HTML page without scripts that any browser opens."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone
from html import escape
from typing import Dict, List, NamedTuple, Sequence, Tuple

from planet_scenes.texts import tr

MOST_LINES = 20
"""Maximum number of places in a chart; more lines are hard to distinguish."""

_WIDTH, _HEIGHT = 960, 420  # pixels
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 20, 20, 40  # pixels around the plot
_TICKS = 8  # at most, on either axis
# Colours that people with colour blindness can tell apart, of Okabe and Ito, jfly.uni-koeln.de/color (2008).
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
_DASHES = ("", "6 3", "2 3")  # one for each round of the colours
_DAY = 86400.0  # seconds
_STEPS = (_DAY, 2 * _DAY, 7 * _DAY, 14 * _DAY)  # between ticks of time; longer ones are of months
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200)


class Value(NamedTuple):
    """Value of a place in a scene, with its spread on either side (0 for a pixel)."""

    time: datetime
    value: float
    spread: float
    scene: str


Series = Dict[str, List[Value]]
"""The values of each place, by its id, the oldest first."""


def page_of(title: str, series: Series) -> str:
    """Return the page with the chart.

    Parameters
    ----------
    title : str
        The heading, such as the expression.
    series : dict of str to list of Value
        The values of each place; those that are not finite are left out.
    """
    drawn = {place: [each for each in values if math.isfinite(each.value)] for place, values in series.items()}
    drawn = {place: values for place, values in drawn.items() if values}
    shown = dict(list(drawn.items())[:MOST_LINES])
    notes = []
    if len(shown) < len(drawn):
        notes.append(
            tr("{shown} of {count} places are shown; the table has all.").format(shown=len(shown), count=len(drawn))
        )
    if len(drawn) < len(series):
        notes.append(tr("Places without any value: {count}").format(count=len(series) - len(drawn)))
    body = _chart(shown) if shown else f"<p>{escape(tr('No place has a value in any scene.'))}</p>"
    paragraphs = "".join(f"<p>{escape(note)}</p>" for note in notes)
    return (
        '<!DOCTYPE html>\n<html><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title>"
        "<style>body{font-family:sans-serif;color:#222}svg text{font-size:12px;fill:#222}"
        "ul{list-style:none;padding:0}li{display:inline-block;margin-right:1.5em}</style></head>"
        f"<body><h1>{escape(title)}</h1>{body}{paragraphs}</body></html>\n"
    )


def _chart(series: Series) -> str:
    values = [each for row in series.values() for each in row]
    times = [each.time.timestamp() for each in values]
    levels = [level for each in values for level in (each.value - each.spread, each.value + each.spread)]
    first, last = _widened(min(times), max(times), _DAY)
    rows = value_ticks(*_widened(min(levels), max(levels), abs(levels[0]) * 0.1 or 1.0))
    low, high = min(rows[0], min(levels)), max(rows[-1], max(levels))

    def x(moment: float) -> float:
        return _LEFT + (moment - first) / (last - first) * (_WIDTH - _LEFT - _RIGHT)

    def y(level: float) -> float:
        return _HEIGHT - _BOTTOM - (level - low) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)

    parts = []
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    digits = max(0, -math.floor(math.log10(rows[1] - rows[0]))) if len(rows) > 1 else 3
    for level in rows:
        parts.append(f'<path d="M{_LEFT} {y(level):.1f}H{right}" stroke="#ddd"/>')
        text = f"{level:.{digits}f}" if digits < 7 and abs(level) < 1e7 else f"{level:g}"
        parts.append(f'<text x="{_LEFT - 8}" y="{y(level) + 4:.1f}" text-anchor="end">{text}</text>')
    for moment, text in time_ticks(first, last):
        parts.append(f'<path d="M{x(moment):.1f} {_TOP}V{bottom}" stroke="#eee"/>')
        parts.append(f'<text x="{x(moment):.1f}" y="{bottom + 18}" text-anchor="middle">{text}</text>')
    parts.append(f'<path d="M{_LEFT} {_TOP}V{bottom}H{right}" stroke="#222" fill="none"/>')
    legend = []
    for number, (place, row) in enumerate(series.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        dash = _DASHES[number // len(_COLOURS) % len(_DASHES)]
        points = [(x(each.time.timestamp()), y(each.value)) for each in row]
        line = " ".join(f"{across:.1f},{down:.1f}" for across, down in points)
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.5"{dashes}/>')
        for each, (across, down) in zip(row, points):
            top, foot = y(each.value + each.spread), y(each.value - each.spread)
            if each.spread > 0:
                parts.append(f'<path d="M{across:.1f} {top:.1f}V{foot:.1f}" stroke="{colour}" opacity="0.4"/>')
            told = escape(f"{place}, {each.time:%Y-%m-%d %H:%M} UTC: {each.value:.6g} ({each.scene})")
            centre = f'cx="{across:.1f}" cy="{down:.1f}"'
            parts.append(f'<circle {centre} r="3" fill="{colour}"><title>{told}</title></circle>')
        sample = f'<svg width="30" height="10"><path d="M0 5H30" stroke="{colour}" stroke-width="2"{dashes}/></svg>'
        legend.append(f"<li>{sample} {escape(place)}</li>")
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" role="img">{"".join(parts)}</svg>'
        f"<ul>{''.join(legend)}</ul>"
    )


def value_ticks(low: float, high: float) -> List[float]:
    """Return round values from below the lowest to above the highest, at most about eight.

    Parameters
    ----------
    low, high : float
        The lowest and the highest value, which differ.
    """
    rough = (high - low) / (_TICKS - 2)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * each for each in (1, 2, 5, 10) if power * each >= rough * (1 - 1e-9))
    return [number * step for number in range(math.floor(low / step), math.ceil(high / step) + 1)]


def time_ticks(first: float, last: float) -> List[Tuple[float, str]]:
    """Return days, or first days of months or years, within a span, with their texts; at most about eight.

    Parameters
    ----------
    first, last : float
        The span, in seconds since 1970.
    """
    for step in _STEPS:
        if (last - first) / step <= _TICKS:
            begin = math.ceil(first / step)
            moments = [number * step for number in range(begin, math.floor(last / step) + 1)]
            return [(moment, f"{_utc(moment):%Y-%m-%d}") for moment in moments]
    months = next((each for each in _MONTHS if (last - first) / (each * 30.4 * _DAY) <= _TICKS), _MONTHS[-1])
    found: List[Tuple[float, str]] = []
    number = _utc(first).year * 12
    while True:
        year, month = divmod(number, 12)
        if year > datetime.max.year:
            return found
        moment = datetime(year, month + 1, 1, tzinfo=timezone.utc).timestamp()
        if moment > last:
            return found
        if moment >= first:
            found.append((moment, f"{year:04}" if months % 12 == 0 else f"{year:04}-{month + 1:02}"))
        number += months


def _widened(low: float, high: float, around: float) -> Tuple[float, float]:
    """Return a span; one without length is widened."""
    return (low, high) if high > low else (low - around, high + around)


def _utc(moment: float) -> datetime:
    return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=moment)


def in_order(places: Sequence[str], values: Sequence[Tuple[str, Value]]) -> Series:
    """Return values by place, in the order of the places, each the oldest first.

    Parameters
    ----------
    places : sequence of str
        The ids of all places.
    values : sequence of tuple of str and Value
        The values, each with the id of its place.
    """
    found: Series = {place: [] for place in places}
    for place, value in values:
        found[place].append(value)
    return {place: sorted(row, key=lambda each: each.time) for place, row in found.items()}
