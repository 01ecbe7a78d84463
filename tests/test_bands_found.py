"""Bands of expressions among the assets of scenes."""

from __future__ import annotations

from typing import Dict, Optional, Tuple

import pytest

from planet_vector.assets import Asset, SpectralBand
from planet_vector.bands import planet
from planet_vector.bands.expressions import parse_expression
from planet_vector.bands.finding import BandPlace, find_bands
from planet_vector.bands.landsat import OLI_TIRS
from planet_vector.bands.sentinel2 import IMAGES
from planet_vector.catalog.data_v1 import item_bands
from planet_vector.errors import ExpressionError


def _assets(**bands: Tuple[SpectralBand, ...]) -> Dict[str, Asset]:
    return {name: Asset(name, f"https://example.org/{name}", bands=found) for name, found in bands.items()}


SENTINEL = {
    image.key: Asset(image.key, "https://example.org/", roles=image.roles, bands=image.bands)
    for image in IMAGES.values()
}
LANDSAT = _assets(**{f"band_{number}": (band,) for number, band in OLI_TIRS.items()})
PLANET = _assets(analytic=planet.FOUR, visual=planet.FOUR[:3], udm2=planet.UDM2)


@pytest.mark.parametrize(
    ("assets", "text", "expected"),
    [
        (SENTINEL, "ndvi", {"nir": ("nir", 1), "red": ("red", 1)}),
        (SENTINEL, "B8A / b04", {"B8A": ("nir08", 1), "b04": ("red", 1)}),
        (SENTINEL, "B08 + nir08", {"B08": ("nir", 1), "nir08": ("nir08", 1)}),
        (SENTINEL, "rededge1", {"rededge1": ("rededge1", 1)}),
        (SENTINEL, "SCL", {"SCL": ("scl", 1)}),
        (LANDSAT, "ndvi", {"nir": ("band_5", 1), "red": ("band_4", 1)}),
        (LANDSAT, "band_3 - band_10", {"band_3": ("band_3", 1), "band_10": ("band_10", 1)}),
        (PLANET, "nir / red", {"nir": ("analytic", 4), "red": ("analytic", 3)}),
        (PLANET, "clear", {"clear": ("udm2", 1)}),
    ],
)
def test_bands_are_found(assets: Dict[str, Asset], text: str, expected: Dict[str, Tuple[str, int]]) -> None:
    found = find_bands(parse_expression(text), assets)
    assert found == {name: BandPlace(*place) for name, place in expected.items()}
    assert list(found) == list(expected)


def test_a_product_may_be_chosen() -> None:
    expression = parse_expression("band_2 / red")
    assert find_bands(expression, PLANET, "visual") == {"band_2": ("visual", 2), "red": ("visual", 3)}
    bare = _assets(odd=())
    assert find_bands(parse_expression("band_7"), bare, "odd") == {"band_7": ("odd", 7)}
    with pytest.raises(ExpressionError, match="'band_4' at column 1; the bands are blue, green, red"):
        find_bands(parse_expression("band_4"), PLANET, "visual")


def test_an_asset_with_all_bands_is_taken_alone() -> None:
    assets = _assets(pan=planet.SKYSAT_PAN, analytic=planet.FOUR, sr=planet.FOUR[2:])
    assert find_bands(parse_expression("blue / nir"), assets) == {"blue": ("analytic", 1), "nir": ("analytic", 4)}
    with pytest.raises(ExpressionError, match="analytic, sr have a band 'red': choose the product") as raised:
        find_bands(parse_expression("red - nir"), assets)
    assert raised.value.column == 1


@pytest.mark.parametrize(
    ("assets", "text", "column", "reason"),
    [
        (PLANET, "nir - swir16", 7, "the bands are .*nir"),
        (SENTINEL, "1 + rededge", 5, "have a band 'rededge': choose the product"),
        (PLANET, "band_3", 1, "'band_3'"),  # of which product?
        ({}, "red", 1, "the bands are none"),
    ],
)
def test_what_is_missing_or_ambiguous_is_named(assets: Dict[str, Asset], text: str, column: int, reason: str) -> None:
    with pytest.raises(ExpressionError, match=reason) as raised:
        find_bands(parse_expression(text), assets)
    assert raised.value.column == column


def test_several_bands_of_a_file_are_told_apart() -> None:
    edges = tuple(IMAGES[name].bands[0] for name in ("B05", "B06"))
    with pytest.raises(ExpressionError, match="band_1, band_2: take one of their own names"):
        find_bands(parse_expression("rededge"), _assets(all=edges))


@pytest.mark.parametrize(
    ("item_type", "asset", "mask"),
    [
        ("ortho", "visual", "udm2"),
        ("ortho", "basic_analytic", "basic_udm2"),
        ("rapideye", "analytic", "udm"),
        ("skysat", "visual", "pansharpened_udm2"),
        ("sentinel2", "band_4", "scl"),
        ("landsat", "band_4", "qa"),
        ("PSScene", "ortho_visual", "ortho_udm2"),
        ("ortho", "udm2", None),
        ("Sentinel1", "ortho_analytic_vv", None),
    ],
)
def test_types_of_archives_have_their_masks_at_the_data_api_as_well(
    item_type: str, asset: str, mask: Optional[str]
) -> None:
    found = item_bands.mask_of(item_type, asset, "C")
    assert (found and found.asset) == mask
