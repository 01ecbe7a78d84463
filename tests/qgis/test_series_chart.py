"""The chart of a time series: what it shows is read back from the page."""

from __future__ import annotations

import math
import random
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import List, Tuple
from xml.etree import ElementTree

import pytest

from planet_scenes.processing.series_chart import MOST_LINES, Value, in_order, page_of, time_ticks, value_ticks

SVG = "{http://www.w3.org/2000/svg}"
START = datetime(2015, 3, 1, 10, 30, tzinfo=timezone.utc)


def _values(*numbers: float, days: int = 10) -> List[Value]:
    return [Value(START + timedelta(days=days * at), number, 0.0, f"scene {at}") for at, number in enumerate(numbers)]


def _chart(page: str) -> ElementTree.Element:
    """Return the chart, which is also well-formed XML."""
    (text,) = re.findall(r'<svg viewBox.*?role="img">.*?</svg>(?=<ul>)', page)
    return ElementTree.fromstring(text)


def _axis(chart: ElementTree.Element) -> List[Tuple[float, float]]:
    """Return the marked values with their heights in the picture."""
    texts = [text for text in chart.iter("text") if text.get("text-anchor") == "end"]
    return [(float(text.text or ""), float(text.get("y", "")) - 4) for text in texts]


@pytest.mark.parametrize("seed", range(20))
def test_points_are_where_the_axis_says(seed: int) -> None:
    random.seed(seed)
    numbers = [random.uniform(-1, 1) * 10 ** random.randint(-4, 5) for _ in range(random.randint(1, 30))]
    chart = _chart(page_of("ndvi", {"field": _values(*numbers)}))
    marks = _axis(chart)
    (low, low_at), (high, high_at) = marks[0], marks[-1]
    circles = list(chart.iter("circle"))
    assert len(circles) == len(numbers)
    for circle, number in zip(circles, numbers):
        expected = low_at + (number - low) / (high - low) * (high_at - low_at)
        assert float(circle.get("cy", "")) == pytest.approx(expected, abs=1)  # pixel
        assert f": {number:.6g} (" in (circle[0].text or "")
    across = [float(circle.get("cx", "")) for circle in circles]
    steps = [after - before for before, after in zip(across, across[1:])]
    assert all(step == pytest.approx(steps[0], abs=0.2) for step in steps)


@pytest.mark.parametrize("seed", range(30))
def test_ticks_are_round_few_and_enclose_the_values(seed: int) -> None:
    random.seed(seed)
    low = random.uniform(-1, 1) * 10 ** random.randint(-9, 9)
    high = low + random.random() * 10 ** random.randint(-6, 9) + abs(low) * 1e-9 + 1e-12
    ticks = value_ticks(low, high)
    step = ticks[1] - ticks[0]
    assert 2 <= len(ticks) <= 10 and ticks[0] <= low + step * 1e-6 and ticks[-1] >= high - step * 1e-6
    assert float(f"{step:.0e}"[0]) in (1, 2, 5)


@pytest.mark.parametrize("days", [1, 3, 8, 20, 100, 200, 400, 900, 3000, 9000, 40_000])
def test_ticks_of_time_are_few_and_inside(days: int) -> None:
    begin = START.timestamp()
    ticks = time_ticks(begin, begin + days * 86400)
    assert 1 <= len(ticks) <= 10 and all(begin <= moment <= begin + days * 86400 for moment, _ in ticks)
    for moment, text in ticks:
        there = datetime.fromtimestamp(moment, timezone.utc)
        assert (there.hour, there.minute) == (0, 0) and there.strftime("%Y-%m-%d").startswith(text)


def test_gaps_ends_and_hostile_names() -> None:
    name = '<script>alert("x")</script> & co'
    lines = {name: _values(0.1, math.nan, 0.3), "empty": _values(math.nan), "alone": _values(0.5)}
    page = page_of("nir < red & more", lines)
    chart = _chart(page)
    assert len(list(chart.iter("circle"))) == 3 and len(list(chart.iter("polyline"))) == 2
    assert "<script" not in page and "<h1>nir &lt; red &amp; more</h1>" in page
    assert "Places without any value: 1" in page
    assert "No place has a value in any scene." in page_of("ndvi", {"empty": _values(math.nan)})
    many = page_of("ndvi", {f"place {number}": _values(0.1, 0.2) for number in range(MOST_LINES + 5)})
    assert len(list(_chart(many).iter("polyline"))) == MOST_LINES
    assert f"{MOST_LINES} of {MOST_LINES + 5} places are shown; the table has all." in many


def test_values_are_sorted_by_place_and_time() -> None:
    first, second = _values(1, 2)
    found = in_order(["b", "a", "none"], [("a", second), ("b", second), ("a", first)])
    assert list(found.items()) == [("b", [second]), ("a", [first, second]), ("none", [])]


def test_a_page_loads_nothing(tmp_path: Path) -> None:
    page = page_of("ndvi", {"field": _values(0.1, 0.2)})
    assert "http" not in page.replace("http-equiv", "") and "default-src 'none'" in page
