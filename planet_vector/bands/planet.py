"""Bands of PlanetScope and SkySat, and of the masks of usable pixels.

Band passes in micrometres: PlanetScope's from Planet Labs' articles on the instruments PS2, PS2.SD and PSB.SD and its
Combined Imagery Product Specification (2023); SkySat's from the same specification. Bands of the mask: Planet's UDM2
specification.
"""

from __future__ import annotations

from typing import Mapping, Tuple

from planet_vector.assets import SpectralBand

Bands = Tuple[SpectralBand, ...]

EIGHT: Bands = (
    SpectralBand("coastal blue", 0.431, 0.452, "Gray", "coastal_blue", "coastal"),
    SpectralBand("blue", 0.465, 0.515, "Blue", "blue", "blue"),
    # Without a common name, as `green` must be that of one band.
    SpectralBand("green I", 0.513, 0.549, "Gray", "green_i"),
    SpectralBand("green", 0.547, 0.583, "Green", "green", "green"),
    SpectralBand("yellow", 0.600, 0.620, "Gray", "yellow", "yellow"),
    SpectralBand("red", 0.650, 0.680, "Red", "red", "red"),
    SpectralBand("red edge", 0.697, 0.713, "Gray", "rededge", "rededge"),
    SpectralBand("near infrared", 0.845, 0.885, "Gray", "nir", "nir"),
)
"""The eight bands of PSB.SD, in the order of the files."""


def _four(*passes: Tuple[float, float]) -> Bands:
    colours = ("Blue", "Green", "Red", "Gray")
    names = ("blue", "green", "red", "nir")
    texts = ("blue", "green", "red", "near infrared")
    limits = passes or ((None, None),) * 4
    return tuple(
        SpectralBand(text, low, high, colour, name, name)
        for text, (low, high), colour, name in zip(texts, limits, colours, names)
    )


FOUR: Bands = _four()
"""Four bands of an unknown instrument."""

FOUR_BY_INSTRUMENT: Mapping[str, Bands] = {
    "PS2": _four((0.455, 0.515), (0.5, 0.59), (0.59, 0.67), (0.78, 0.86)),
    "PS2.SD": _four((0.464, 0.517), (0.547, 0.585), (0.65, 0.682), (0.846, 0.888)),
    "PSB.SD": tuple(EIGHT[place] for place in (1, 3, 5, 7)),
}
"""The four bands of PlanetScope by instrument, in the order of the files."""

FIVE: Bands = (*FOUR[:3], SpectralBand("red edge", name="rededge", common="rededge"), FOUR[3])
"""Five bands of PSOrthoTile (``BGREN``), in the order of the files."""

SKYSAT: Bands = _four((0.45, 0.515), (0.515, 0.595), (0.605, 0.695), (0.74, 0.9))
"""The four multispectral bands of SkySat, in the order of the files."""

SKYSAT_PAN: Bands = (SpectralBand("panchromatic", 0.45, 0.9, "Gray", "pan", "pan"),)
"""SkySat's panchromatic band."""

UDM2: Bands = tuple(
    SpectralBand(text, name=name)
    for name, text in (
        ("clear", "clear pixels"),
        ("snow", "snow or ice"),
        ("shadow", "cloud shadow"),
        ("light_haze", "light haze"),
        ("heavy_haze", "heavy haze"),
        ("cloud", "cloud"),
        ("confidence", "confidence in percent"),
        ("udm1", "unusable pixels, as bits"),
    )
)
"""The eight bands of a mask of usable pixels, version 2.1."""

UDM: Bands = (SpectralBand("unusable pixels, as bits", name="udm"),)
"""The band of a mask of unusable pixels."""

RGB: Bands = (
    SpectralBand("red", colour="Red", name="red", common="red"),
    SpectralBand("green", colour="Green", name="green", common="green"),
    SpectralBand("blue", colour="Blue", name="blue", common="blue"),
)
"""A colour picture."""

ALPHA = SpectralBand("transparency", colour="Alpha", name="alpha")
"""The fourth band of a colour picture."""
