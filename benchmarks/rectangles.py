"""Measure the largest rectangle of any angle inside areas of up to a thousand positions: time and proven optimality.

    python benchmarks/rectangles.py [--areas 200]

Uses random areas, with holes, and hard ones: circles, spirals, combs, slivers. Prints for each kind the medians and
maxima of seconds and of the share that the rectangle may lack, and exits with 1 if one took longer than five seconds of
processor time.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any, Dict, List, Tuple

sys.path.insert(0, str(Path(__file__).parent.parent))

from planet_vector.stacks.rectangle_search import inscribed
from tests.stacks.test_rectangle import SLOW, random_area, rings_of

LIMIT = 5.0  # seconds of processor time


def measured(area: Any) -> Tuple[float, float]:
    """Return the seconds of processor time, and the share that the rectangle may lack.

    Parameters
    ----------
    area : shapely geometry
        The area.
    """
    start = time.process_time()
    found = inscribed(rings_of(area), None, "any")
    return time.process_time() - start, found.lacks


def main() -> int:
    """Run the measurements.

    Returns
    -------
    int
        The exit code: 1 if the limit was exceeded.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--areas", type=int, default=200)
    given = parser.parse_args()
    found: Dict[str, List[Tuple[float, float]]] = defaultdict(list)
    for seed in range(given.areas):
        found[("ragged", "smooth", "round", "spiral", "comb")[seed % 5]].append(measured(random_area(seed)))
    for name, area in SLOW.items():
        found[name].append(measured(area))
    print(f"{'':28} areas  median s   worst s  median lacks  worst lacks")
    for name, figures in found.items():
        seconds, lacks = zip(*figures)
        print(
            f"{name:28} {len(figures):5}  {statistics.median(seconds):8.2f}  {max(seconds):8.2f}"
            f"  {statistics.median(lacks):12.4f}  {max(lacks):11.4f}"
        )
    slowest = max(seconds for figures in found.values() for seconds, _ in figures)
    print(f"slowest: {slowest:.2f} s (at most {LIMIT:.0f} s)")
    return int(slowest > LIMIT)


if __name__ == "__main__":
    raise SystemExit(main())
