"""Open indices of bands, of a scene and of a mosaic, as datasets whose pixels are computed when they are read."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Dict, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np
from affine import Affine
from rasterio.io import DatasetReader
from rasterio.windows import Window

from planet_vector.catalog import Catalog
from planet_vector.errors import RasterAccessError
from planet_vector.geometry.boxes import Bounds
from planet_vector.geometry.grid import GridSpec
from planet_vector.pixels.header import RasterHeader
from planet_vector.progress import Progress
from planet_vector.raster.band_stack import open_files
from planet_vector.raster.computed import Computed, open_computed
from planet_vector.raster.headers import header_of
from planet_vector.raster.indices import (
    BandPixels,
    SceneIndex,
    check_band,
    evaluate,
    finest_of,
    index_header,
    known_bands,
    scene_index,
)
from planet_vector.raster.placed import north_up
from planet_vector.raster.scene_files import activate_files
from planet_vector.raster.scene_mosaic import open_scenes, ranked_scenes
from planet_vector.scene import Scene

if TYPE_CHECKING:
    from planet_vector.raster.indices import Values

_SAME = 1e-6  # of a pixel


class _Input(NamedTuple):
    dataset: DatasetReader
    header: RasterHeader
    numbers: Mapping[str, int]
    title: str

    def read(self, window: Window) -> Dict[str, BandPixels]:
        names, alpha = list(self.numbers), None if self.header.masked else self.header.alpha
        wanted = [self.numbers[name] for name in names] + ([alpha] if alpha else [])
        pixels = [self.dataset.read(number, window=window) for number in wanted] if self._is_mixed(wanted) \
            else list(self.dataset.read(wanted, window=window))  # fmt: skip
        if self.header.masked:
            valid = self.dataset.read_masks(1, window=window) > 0
        else:
            valid = pixels.pop() > 0 if alpha else np.ones(pixels[0].shape, bool)
        bands = (self.header.bands[self.numbers[name] - 1] for name in names)
        return {name: BandPixels(part, valid, band, self.title) for name, part, band in zip(names, pixels, bands)}

    def _is_mixed(self, numbers: Sequence[int]) -> bool:
        return len({self.header.dtypes[number - 1] for number in numbers}) > 1


def open_index(
    catalog: Catalog,
    scene: Scene,
    text: str,
    products: Sequence[str] = (),
    resolution: Union[str, float] = "highest",
    mask: Optional[str] = None,
    activate: Union[bool, Progress] = False,
) -> Computed:
    """Open an index of a scene as a dataset of one band of float32, whose pixels are computed when they are read.

    Parameters
    ----------
    catalog, scene, text, products, mask
        As for `scene_index`.
    resolution : "highest", "lowest" or float
        As for `planet_vector.raster.band_stack.open_bands`, if the bands are in several products.
    activate : bool or callable
        Activate the files first, as `planet_vector.raster.scene_files.activate_files` does.

    Returns
    -------
    Computed
        The open dataset, with NaN where a band has no data.

    Raises
    ------
    ExpressionError
        If it is no expression, or a band is missing or in several products.
    ServiceError
        If the service does not provide a file.
    RasterAccessError
        If a file cannot be read.
    """
    index = scene_index(catalog, scene, text, products, mask)
    if activate:
        activate_files(catalog, ((scene, each.file) for each in index.files), activate)
    title = f"{index.name} of {scene.id}"
    grid: Optional[GridSpec] = None
    if len(index.files) > 1:
        plain = [each.file._replace(mask=None) for each in index.files]
        with open_files(catalog, plain, title, resolution) as stack:
            grid = north_up(stack)
    with ExitStack() as opened:
        found = []
        for each in index.files:
            found.append(open_files(catalog, [each.file], each.file.title, grid=grid))
            opened.callback(found[-1].close)
        dataset = _computed(index, found, title, {"id": scene.id})
        opened.pop_all()
    return dataset


def open_index_of_scenes(
    catalog: Catalog,
    scenes: Sequence[Scene],
    text: str,
    product: Optional[str] = None,
    crs: object = None,
    res: Union[None, float, Tuple[float, float]] = None,
    bounds: Optional[Bounds] = None,
    order: str = "newest",
    resampling: str = "nearest",
    area: object = None,
    mask: Optional[str] = None,
    activate: Union[bool, Progress] = False,
) -> Computed:
    """Open an index of a mosaic as a dataset of one band of float32: the index of the mosaics of its bands.

    Parameters
    ----------
    catalog : Catalog
        The service.
    scenes : sequence of Scene
        The scenes, which have the bands in the same products.
    text : str
        As for `scene_index`.
    product : str, optional
        The product with the bands, or several, separated by commas; by default any that is no picture.
    crs, res, bounds, order, resampling, area, mask, activate
        As for `planet_vector.raster.scene_mosaic.open_scenes`.

    Returns
    -------
    Computed
        The open dataset, with NaN where a band has no data.

    Raises
    ------
    ExpressionError
        If it is no expression, or a band is missing or in several products.
    RasterAccessError
        If there are no scenes, they cannot form one raster, or they have the bands in different products.
    ServiceError
        If the service does not provide a file.
    """
    ranked = ranked_scenes(scenes, order)
    products = product.split(",") if product else []
    known = known_bands(catalog, ranked[-1], products)
    own = [scene_index(catalog, scene, text, products, mask, known) for scene in ranked]
    index = own[-1]
    places = [[(each.file.asset.name, each.numbers) for each in one.files] for one in own]
    for scene, place in zip(ranked, places):
        if place != places[-1]:
            told = f"Scene {scene.id} has the bands of {index.name} in other products than {ranked[-1].id}"
            raise RasterAccessError(f"{told}: leave it out of the mosaic.")
    if activate:
        pairs = [(scene, each.file) for scene, one in zip(ranked, own) for each in one.files]
        activate_files(catalog, pairs, activate)
    names = [each.file.asset.name for each in index.files]
    finest = names[finest_of(catalog, ranked[-1], index)]
    with ExitStack() as opened:
        first = open_scenes(catalog, ranked, finest, crs, res, bounds, order, resampling, area, mask)
        opened.callback(first.close)
        datasets = {finest: first}
        grid = north_up(first)
        for name in names:
            if name != finest:
                there = grid.crs, grid.res, grid.bounds
                datasets[name] = open_scenes(catalog, ranked, name, *there, order, resampling, area, mask)
                opened.callback(datasets[name].close)
        found = _computed(index, [datasets[name] for name in names], f"{index.name} of {len(ranked)} scenes", {})
        opened.pop_all()
    return found


def _computed(index: SceneIndex, datasets: Sequence[DatasetReader], title: str, tags: Mapping[str, str]) -> Computed:
    headers = [header_of(dataset) for dataset in datasets]
    grid = headers[0].grid
    for header in headers[1:]:
        if header.grid.shape != grid.shape or not _is_near(header.transform, headers[0].transform):
            raise RasterAccessError(f"The bands of the {title} are on different grids: name one product.")
    inputs = []
    for each, dataset, header in zip(index.files, datasets, headers):
        each.check(header)
        for name, number in each.numbers:
            check_band(index.expression, name, header.bands[number - 1], each.file.title)
        inputs.append(_Input(dataset, header, dict(each.numbers), each.file.asset.name))

    def compute(window: Window) -> Values:
        bands: Dict[str, BandPixels] = {}
        for each in inputs:
            bands.update(each.read(window))
        return evaluate(index.expression, bands)

    return open_computed(index_header(headers[0], grid, index, tags), f"the {title}", compute, datasets)


def _is_near(one: Affine, other: Affine) -> bool:
    size = abs(one.a)
    return all(abs(mine - its) <= _SAME * size for mine, its in zip(one[:6], other[:6]))
