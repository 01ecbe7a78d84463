"""Indices of bands, such as ``(nir - red) / (nir + red)``: where the bands of a scene are, and their values."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np
from rasterio.enums import ColorInterp

from planet_vector.assets import Asset, SpectralBand
from planet_vector.bands.expressions import INDICES, Expression, parse_expression
from planet_vector.bands.finding import find_bands
from planet_vector.catalog import Catalog
from planet_vector.errors import QueryError, RasterAccessError
from planet_vector.geometry.grid import GridSpec
from planet_vector.pixels.header import Band, RasterHeader
from planet_vector.pixels.valid import where_number
from planet_vector.raster.headers import header_of
from planet_vector.raster.placed import north_up
from planet_vector.raster.product import open_scene
from planet_vector.raster.scene_files import SceneFile, scene_file
from planet_vector.scene import Scene

if TYPE_CHECKING:
    import numpy.typing as npt

    Values = npt.NDArray[np.float32]
    Pixels = npt.NDArray[np.generic]
    Flags = npt.NDArray[np.bool_]

Known = Mapping[str, Tuple[SpectralBand, ...]]
"""Bands of assets that the service does not state, by the names of the assets."""


class IndexFile(NamedTuple):
    """File with bands of an index.

    Attributes
    ----------
    file : SceneFile
        The file.
    numbers : tuple of (str, int)
        Names of bands in the expression, and their numbers in the file, counted from 1.
    expected : int
        The number of bands that the file should have, without alpha; 0 if it is unknown.
    """

    file: SceneFile
    numbers: Tuple[Tuple[str, int], ...]
    expected: int

    def check(self, header: RasterHeader) -> None:
        """Raise an error if the file has other bands than those that are expected.

        Parameters
        ----------
        header : RasterHeader
            Header of the file.

        Raises
        ------
        RasterAccessError
            If it has more or fewer bands.
        """
        has = len(header.shown)
        if self.expected and has != self.expected:
            raise RasterAccessError(
                f"{self.file.title} has {has} bands instead of {self.expected}: leave its scene out."
            )
        beyond = [name for name, number in self.numbers if number > len(header.bands)]
        if beyond:
            raise RasterAccessError(f"{self.file.title} has {has} bands, of which none is {beyond[0]!r}.")


class SceneIndex(NamedTuple):
    """Index of a scene: its expression, and where its bands are.

    Attributes
    ----------
    name : str
        The name of the index, or ``index``.
    expression : Expression
        The expression.
    files : tuple of IndexFile
        The files with its bands.
    """

    name: str
    expression: Expression
    files: Tuple[IndexFile, ...]


class BandPixels(NamedTuple):
    """Pixels of a band.

    Attributes
    ----------
    pixels : numpy.ndarray
        As they are in the file.
    valid : array of bool
        Where the file has data, by its mask or alpha; in the shape of the pixels.
    band : Band
        Header of the band.
    title : str
        Name of the file in error messages.
    """

    pixels: Pixels
    valid: Flags
    band: Band
    title: str


def index_name(text: str) -> str:
    """Return the name of an index, or ``index`` for an expression.

    Parameters
    ----------
    text : str
        A name of `planet_vector.bands.expressions.INDICES`, in any case, or an expression.
    """
    name = text.strip().lower()
    return name if name in INDICES else "index"


def known_bands(catalog: Catalog, scene: Scene, products: Sequence[str] = ()) -> Known:
    """Return the bands of products whose files differ in them, by the headers of a scene's files.

    Parameters
    ----------
    catalog : Catalog
        The service.
    scene : Scene
        The scene.
    products : sequence of str
        The products; by default all.

    Raises
    ------
    ServiceError
        If the service does not provide a file.
    RasterAccessError
        If a file cannot be read.
    """
    found: Dict[str, Tuple[SpectralBand, ...]] = {}
    for asset in _assets(scene, products).values():
        if not asset.bands and asset.band_variants and not asset.refusal:
            with open_scene(catalog, scene, asset.name) as dataset:
                found[asset.name] = asset.bands_among(len(header_of(dataset).shown))
    return found


def scene_index(
    catalog: Catalog,
    scene: Scene,
    text: str,
    products: Sequence[str] = (),
    mask: Optional[str] = None,
    known: Optional[Known] = None,
) -> SceneIndex:
    """Find the bands of an index among the products of a scene.

    Parameters
    ----------
    catalog : Catalog
        The service.
    scene : Scene
        The scene.
    text : str
        The name of an index, or an expression, as `planet_vector.bands.expressions.parse_expression` takes it.
    products : sequence of str
        The products with its bands; by default all that are no pictures.
    mask : str, optional
        As for `planet_vector.raster.scene_files.scene_file`.
    known : mapping, optional
        As `known_bands` returns it for a similar scene; by default it is determined for this scene.

    Returns
    -------
    SceneIndex
        The files to read.

    Raises
    ------
    ExpressionError
        If it is no expression, or a band is missing or in several products.
    NotFoundError
        If the scene lacks a product, or its mask.
    ServiceError
        If a request fails.
    """
    expression = parse_expression(text)
    if known is None:
        known = known_bands(catalog, scene, products)
    assets = {
        name: replace(asset, bands=asset.bands or known.get(name, ()))
        for name, asset in _assets(scene, products).items()
    }
    places = find_bands(expression, assets, next(iter(assets)) if len(products) == 1 else None)
    numbers: Dict[str, List[Tuple[str, int]]] = {}
    for band, place in places.items():
        numbers.setdefault(place.product, []).append((band, place.number))
    files = [
        IndexFile(scene_file(catalog, scene, product, mask), tuple(bands), len(assets[product].bands))
        for product, bands in numbers.items()
    ]
    return SceneIndex(index_name(text), expression, tuple(files))


def _assets(scene: Scene, products: Sequence[str]) -> Mapping[str, Asset]:
    return {asset.name: asset for asset in map(scene.asset, products)} or scene.assets


def lacks_scale(expression: Expression, band: Band) -> bool:
    """Return whether an expression is for reflectance, and a band has integers without a scale.

    Parameters
    ----------
    expression : Expression
        The expression.
    band : Band
        Header of the band.
    """
    return expression.of_reflectance and (band.scale, band.offset) == (1, 0) and not band.dtype.startswith("float")


def check_band(expression: Expression, name: str, band: Band, title: str) -> None:
    """Raise an error if an expression cannot be computed of a band.

    Parameters
    ----------
    expression : Expression
        The expression.
    name : str
        Name of the band in it.
    band : Band
        Header of the band.
    title : str
        Name of the file in error messages.

    Raises
    ------
    QueryError
        If the expression is for reflectance and the band has integers without a scale, or has complex numbers.
    """
    if band.dtype.startswith("complex"):
        raise QueryError(f"Band {name!r} of {title} has complex numbers, which expressions do not take.")
    if lacks_scale(expression, band):
        raise QueryError(
            f"{expression.text!r} is for reflectance from 0 to 1, and {title} has integers without a scale: write the "
            "expression with the scale, such as nir * 0.0001."
        )


def evaluate(expression: Expression, bands: Mapping[str, BandPixels]) -> Values:
    """Return the values of an expression.

    Parameters
    ----------
    expression : Expression
        The expression.
    bands : mapping of str to BandPixels
        Its bands, all of one shape. If a file states scale and offset, they are applied.

    Returns
    -------
    array of float32
        In the shape of the bands; NaN where a band has no data, or the result is not finite.

    Raises
    ------
    QueryError
        If the expression is for reflectance and a band has integers without a scale, or has complex numbers.
    """
    arrays: Dict[str, npt.NDArray[np.generic]] = {}
    for name, (pixels, valid, band, title) in bands.items():
        check_band(expression, name, band, title)
        scaled = (band.scale, band.offset) != (1, 0)
        values = pixels.astype(np.float64) * band.scale + band.offset if scaled else pixels
        arrays[name] = np.where(valid & where_number(pixels, band), values, np.nan)
    return expression.evaluate(arrays)


def index_header(header: RasterHeader, grid: GridSpec, index: SceneIndex, tags: Mapping[str, str]) -> RasterHeader:
    """Return the header of an index: a band of float32 with NaN for missing data.

    Parameters
    ----------
    header : RasterHeader
        Header of one of its files.
    grid : GridSpec
        The grid of the index.
    index : SceneIndex
        The index.
    tags : mapping of str to str
        Metadata of the raster.
    """
    text = index.expression.text
    described = text if index.name == "index" else index.name
    block = header.bands[0].block
    band = Band("float32", float("nan"), ColorInterp.gray, None, 1.0, 0.0, None, described, block, {})
    return replace(header.on(grid), bands=(band,), masked=False, tags={**tags, "index": text})


def finest_of(catalog: Catalog, scene: Scene, index: SceneIndex) -> int:
    """Return the place among the files of an index of the one with the smallest pixels.

    Parameters
    ----------
    catalog : Catalog
        The service.
    scene : Scene
        The scene.
    index : SceneIndex
        Its index.
    """
    if len(index.files) == 1:
        return 0
    sizes: List[float] = []
    for each in index.files:
        with open_scene(catalog, scene, each.file.asset.name) as dataset:
            grid = north_up(dataset)
            sizes.append(grid.res[0] * grid.res[1])
    return sizes.index(min(sizes))
