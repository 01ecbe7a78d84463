"""Grids of pixels, against what rasterio makes of the same numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planet_vector.geometry.grid import GridSpec, inward, outward

affine = pytest.importorskip("affine")
transforms = pytest.importorskip("rasterio.transform")

PLACES = st.floats(-1e7, 1e7)
SIZES = st.integers(1, 20_000)
STEPS = st.floats(1e-6, 1e4)


@given(PLACES, PLACES, STEPS, STEPS, SIZES, SIZES)
def test_bounds_and_transform_are_rasterio_s(
    west: float, north: float, across: float, down: float, width: int, height: int
) -> None:
    grid = GridSpec(32633, west, north, (across, down), width, height)
    transform = affine.Affine(*grid.transform)
    assert grid.bounds == transforms.array_bounds(*grid.shape, transform)
    assert transform == transforms.from_origin(west, north, across, down)
    half = grid.resized(-(-width // 2), -(-height // 2))
    assert half.bounds == pytest.approx(grid.bounds, rel=1e-9, abs=1e-6)


@given(st.floats(-1e6, 1e6), st.floats(0, 1e4))
def test_lines_are_around_or_between_places(low: float, length: float) -> None:
    around, between = outward((low + length, low)), inward(low, low + length)
    assert around[0] <= low + 1e-6 and low + length <= around[1] + 1e-6
    assert around[1] - around[0] < length + 2 + 1e-6 and around[1] > around[0]
    assert between[0] >= low - 1e-6 and between[1] <= low + length + 1e-6


@pytest.mark.parametrize("off", [-4e-7, 0.0, 4e-7])
def test_a_side_on_a_line_stays_there_whatever_its_last_digits(off: float) -> None:
    assert outward((3 + off, 5 - off)) == inward(3 + off, 5 - off) == (3, 5)


def test_lines_are_counted_from_the_origin_eastward_and_southward() -> None:
    grid = GridSpec.between(32633, (10.0, 5.0), (300_000.0, 5_000_000.0), (-2, 3), (4, 8))
    assert grid == GridSpec(32633, 299_980.0, 4_999_980.0, (10.0, 5.0), 5, 4)
