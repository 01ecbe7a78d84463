"""Imagery that a scene offers: its products by name, combinations of bands, and indices of two bands.

Combinations and indices are defined by the common names of bands, so they apply to the sensors of any service that
documents its bands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence, Tuple

from planet_scenes.texts import tr
from planet_vector.assets import SpectralBand
from planet_vector.errors import NotFoundError
from planet_vector.scene import Scene

TILES = "tiles"
"""Stands for a product: the scene's tiles as rendered by the service."""

_ALIKE = {"nir": ("nir", "nir08"), "swir16": ("swir16",), "swir22": ("swir22",)}  # Landsat's near infrared is nir08


@dataclass(frozen=True)
class Imagery:
    """Drawing of a scene: its products, and the bands shown or computed.

    Attributes
    ----------
    products : tuple of str
        The products, combined as one raster if there are several; or `TILES`.
    bands : tuple of int
        Bands of that raster, counted from 1: those drawn as red, green and blue, or the two of an index; empty for the
        colours of the product.
    index : str
        Name of the index, a normalised difference (a - b) / (a + b) of two bands; empty for none.
    title : str
        Title in menus and layers; empty for the names of the products.
    mask : str
        Pixels to hide, as for `planet_scenes.masks.hide`; empty for none.
    """

    products: Tuple[str, ...]
    bands: Tuple[int, ...] = ()
    index: str = ""
    title: str = ""
    mask: str = ""

    @property
    def name(self) -> str:
        """The products as in a name."""
        return ",".join(self.products)

    @property
    def text(self) -> str:
        """The title for a menu."""
        return f"{self.title} – {self.name}" if self.title else self.name

    @classmethod
    def of(cls, product: str) -> Imagery:
        """Return the imagery of products in their own colours.

        Parameters
        ----------
        product : str
            The product, or several with commas between.
        """
        return cls(tuple(product.split(",")))


def combinations() -> Sequence[Tuple[str, Tuple[str, str, str]]]:
    """Return combinations of bands, as the U.S. Geological Survey lists them for Landsat 8 (2013), with their titles.

    Returns
    -------
    sequence of (str, tuple of str)
        The title, and the common names of the bands drawn as red, green and blue.
    """
    return (
        (tr("True colour"), ("red", "green", "blue")),
        (tr("False colour, vegetation in red"), ("nir", "red", "green")),
        (tr("Short-wave infrared, cities"), ("swir22", "swir16", "red")),
        (tr("Fields"), ("swir16", "nir", "blue")),
        (tr("Land and water"), ("nir", "swir16", "red")),
    )


def indices() -> Sequence[Tuple[str, str, Tuple[str, str]]]:
    """Return indices of two bands: NDVI of Rouse et al. (1974), and NDWI of McFeeters (1996).

    Returns
    -------
    sequence of (str, str, tuple of str)
        The name, the title, and the common names of the bands a and b in (a - b) / (a + b).
    """
    return (
        ("ndvi", tr("NDVI, vegetation"), ("nir", "red")),
        ("ndwi", tr("NDWI, open water"), ("green", "nir")),
    )


def offers_of(scene: Scene) -> List[Imagery]:
    """Return what can be added of a scene: combinations and indices if it has the bands, its products, and its tiles.

    Parameters
    ----------
    scene : Scene
        The scene.
    """
    found: List[Imagery] = []
    for title, colours in combinations():
        place = _located(scene, colours)
        if place is not None:
            found.append(Imagery(*place, title=title))
    for name, title, pair in indices():
        place = _located(scene, pair)
        if place is not None:
            found.append(Imagery(*place, index=name, title=title))
    return [*found, *(Imagery((product,)) for product in scene.products), Imagery((TILES,))]


def preferred(scene: Scene) -> Imagery:
    """Return the product of a scene that represents it best.

    Parameters
    ----------
    scene : Scene
        The scene.

    Raises
    ------
    NotFoundError
        If the scene has no product.
    """
    products = _ordered(scene)
    if not products:
        raise NotFoundError(tr("Scene {scene} has no product that can be opened.").format(scene=scene.id))
    return Imagery((products[0],))


def bands_of(scene: Scene, imagery: Imagery) -> Tuple[SpectralBand, ...]:
    """Return the documented bands of products as one raster; empty if those of one are not documented.

    Parameters
    ----------
    scene : Scene
        The scene.
    imagery : Imagery
        The imagery.
    """
    found: List[SpectralBand] = []
    for name in imagery.products:
        bands = scene.asset(name).bands
        if not bands:
            return ()
        found += bands
    return tuple(found)


def _ordered(scene: Scene) -> List[str]:
    """Return the products of a scene, the preferred ones of its collection first."""
    has = scene.products
    first = [product for product in scene.schema.first_products if product in has]
    return list(dict.fromkeys([*first, *has]))


def _located(scene: Scene, wanted: Sequence[str]) -> Optional[Tuple[Tuple[str, ...], Tuple[int, ...]]]:
    """Return the products that have bands of some common names, and the numbers of these bands; None if one is missing.

    One product with all bands is preferred; otherwise each band is a product of its own.
    """
    assets = scene.assets
    single: Dict[str, str] = {}
    for product in _ordered(scene):
        names = [band.common for band in assets[product].bands]
        numbers = [_place(names, each) for each in wanted]
        if len(names) > 1 and all(numbers):
            return (product,), tuple(numbers)
        if len(names) == 1 and names[0]:
            single.setdefault(names[0], product)
    parts = [next((single[name] for name in _ALIKE.get(each, (each,)) if name in single), "") for each in wanted]
    return (tuple(parts), tuple(range(1, len(parts) + 1))) if all(parts) else None


def _place(names: Sequence[str], wanted: str) -> int:
    """Return the number of the band of a common name, counted from 1; 0 if there is none."""
    return next((names.index(name) + 1 for name in _ALIKE.get(wanted, (wanted,)) if name in names), 0)
