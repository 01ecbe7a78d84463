"""Find the bands of an expression among the assets of a scene."""

from __future__ import annotations

import re
from typing import Dict, List, Mapping, NamedTuple, Optional, Sequence

from planet_vector.assets import Asset, SpectralBand
from planet_vector.bands.expressions import Expression
from planet_vector.errors import ExpressionError

_NUMBERED = re.compile(r"band_([1-9][0-9]{0,3})", re.ASCII)
_PICTURES = {"visual", "thumbnail", "overview", "preview"}  # roles and names: stretched for display, no measurements
_ALIASES = {"nir": "nir08"}
"""Common names that stand for others where a sensor lacks the first: Landsat's only near infrared is ``nir08``."""


class BandPlace(NamedTuple):
    """Place of a band in a scene.

    Attributes
    ----------
    product : str
        The asset.
    number : int
        The band of its file, from 1.
    """

    product: str
    number: int


def find_bands(
    expression: Expression, assets: Mapping[str, Asset], product: Optional[str] = None
) -> Dict[str, BandPlace]:
    """Return the place of each band of an expression.

    A name is that of an asset of one band, the own or the common name of a band, or ``band_2`` for the second band of
    the product. Characters of names that an expression cannot contain are written ``_``.

    Parameters
    ----------
    expression : Expression
        The expression.
    assets : mapping of str to Asset
        The assets of a scene.
    product : str, optional
        The asset that has all bands. By default any asset except pictures; if one has all bands, it is taken.

    Returns
    -------
    dict of str to BandPlace
        By the names in the expression, in their order.

    Raises
    ------
    ExpressionError
        If a band is missing, or several assets have it.
    """
    if product is not None:
        chosen = {product: assets[product]}
    else:
        chosen = {name: asset for name, asset in assets.items() if not asset.refusal and not _is_picture(asset)}
    found = {band: _places(band, chosen, product is not None) for band in expression.bands}
    for band, places in found.items():
        if not places:
            raise expression.lacking(band, _names(chosen))
    whole = [name for name in chosen if all(name in (place.product for place in places) for places in found.values())]
    if len(whole) == 1:
        found = {band: [place for place in places if place.product == whole[0]] for band, places in found.items()}
    for band, places in found.items():
        if len(places) > 1:
            raise _ambiguous(expression, band, places)
    return {band: places[0] for band, places in found.items()}


def band_named(name: str, bands: Sequence[SpectralBand]) -> List[int]:
    """Return the numbers, from 1, of the bands of a file that have a name.

    Parameters
    ----------
    name : str
        The own name of a band, in any case; otherwise a common name.
    bands : sequence of SpectralBand
        The bands in order.
    """
    for key in (
        lambda band: _identifier(band.name) == name,
        lambda band: _identifier(band.name).lower() == name.lower(),
        lambda band: band.common == name,
        lambda band: bool(band.common) and band.common == _ALIASES.get(name),
    ):
        numbers = [number for number, band in enumerate(bands, 1) if key(band)]
        if numbers:
            return numbers
    return []


def _places(name: str, assets: Mapping[str, Asset], chosen: bool) -> List[BandPlace]:
    own = [BandPlace(asset, 1) for asset in assets if _identifier(asset) == name and len(assets[asset].bands) <= 1]
    if own:
        return own
    places = [BandPlace(key, number) for key, asset in assets.items() for number in band_named(name, asset.bands)]
    # An alias yields to the band of the name itself in another asset.
    direct = [place for place in places if _is_direct(name, assets[place.product].bands[place.number - 1])]
    places = direct or places
    numbered = _NUMBERED.fullmatch(name)
    if not places and chosen and numbered:
        (key,) = assets
        number = int(numbered[1])
        # A file may have more bands than are documented, or none that is: its header tells.
        places = [BandPlace(key, number)] if number <= (len(assets[key].bands) or number) else []
    tiffs = [place for place in places if "tiff" in assets[place.product].media_type]
    return tiffs or places


def _is_direct(name: str, band: SpectralBand) -> bool:
    return name in (band.common, _identifier(band.name)) or _identifier(band.name).lower() == name.lower()


def _is_picture(asset: Asset) -> bool:
    return bool(_PICTURES & {asset.name, *asset.roles}) or asset.name.endswith("_visual")


def _identifier(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]", "_", name)


def _names(assets: Mapping[str, Asset]) -> List[str]:
    """Return the names that bands can be given by."""
    found = []
    for name, asset in assets.items():
        if len(asset.bands) <= 1:
            found.append(_identifier(name))
        found += [band.common or _identifier(band.name) for band in asset.bands if band.common or band.name]
        if len(assets) == 1 and not asset.bands:
            found.append("band_1, band_2 and so on")
    return list(dict.fromkeys(found))


def _ambiguous(expression: Expression, band: str, places: Sequence[BandPlace]) -> ExpressionError:
    column = expression.columns[band]
    products = list(dict.fromkeys(place.product for place in places))
    if len(products) > 1:
        told = f"{', '.join(products)} have a band {band!r}: choose the product"
    else:
        numbers = ", ".join(f"band_{place.number}" for place in places)
        told = f"{products[0]} has several bands {band!r}, {numbers}: take one of their own names"
    return ExpressionError(f"{told} (column {column} of {expression.text!r}).", column)
