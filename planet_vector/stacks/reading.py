"""Reading of the scenes of a stack onto a grid: a product, or an index of bands of several."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Dict, Iterator, List, Optional, Sequence, Tuple

import numpy as np
from rasterio.io import DatasetReader

from planet_vector.catalog import Catalog
from planet_vector.geometry.grid import GridSpec
from planet_vector.pixels.header import RasterHeader
from planet_vector.raster.band_stack import open_scene_file
from planet_vector.raster.headers import header_of
from planet_vector.raster.indices import (
    BandPixels,
    SceneIndex,
    evaluate,
    finest_of,
    index_header,
    known_bands,
    scene_index,
)
from planet_vector.raster.scene_files import SceneFile, scene_file
from planet_vector.scene import Scene
from planet_vector.stacks.resample import Pixels, read_onto


@dataclass(frozen=True)
class SceneReading:
    """Files of a scene to read.

    Attributes
    ----------
    files : tuple of SceneFile
        The files; the first one's pixels are the finest.
    index : SceneIndex or None
        The index to compute of their bands; None if the bands of a single file are read.
    """

    files: Tuple[SceneFile, ...]
    index: Optional[SceneIndex]

    @property
    def product(self) -> str:
        """The name of the product, or of several, separated by commas."""
        return ",".join(file.asset.name for file in self.files)

    @property
    def identity(self) -> str:
        """Text that differs if other pixels are read; without the key."""
        masks = [file.mask and (file.mask.link, [(n, sorted(values)) for n, values in file.mask.shown])
                 for file in self.files]  # fmt: skip
        index = self.index and (self.index.expression.text, [each.numbers for each in self.index.files])
        return repr(([file.link for file in self.files], masks, index))


def readings_of(
    catalog: Catalog,
    scenes: Sequence[Scene],
    reference: Scene,
    product: Optional[str] = None,
    mask: Optional[str] = None,
    index: Optional[str] = None,
) -> List[SceneReading]:
    """Return the files to read of each scene of a stack.

    Parameters
    ----------
    catalog : Catalog
        The service.
    scenes : sequence of Scene
        The scenes.
    reference : Scene
        The scene whose files tell the bands of a product, if the service does not.
    product : str, optional
        The product; by default the preferred one, and for an index any that has the bands. For an index, several may be
        given, separated by commas.
    mask : str, optional
        As for `planet_vector.raster.scene_files.scene_file`.
    index : str, optional
        As for `planet_vector.raster.indices.scene_index`.

    Raises
    ------
    ExpressionError
        If the index is no expression, or a band is missing or in several products.
    NotFoundError
        If a scene lacks a product, or its mask.
    ServiceError
        If a request fails.
    """
    if index is None:
        name = reference.schema.product(product)
        return [SceneReading((scene_file(catalog, scene, name, mask),), None) for scene in scenes]
    products = product.split(",") if product else []
    known = known_bands(catalog, reference, products)
    found = [scene_index(catalog, scene, index, products, mask, known) for scene in scenes]
    # The same products of each scene have pixels of about the same size.
    place = finest_of(catalog, reference, scene_index(catalog, reference, index, products, None, known))
    return [_reading(each, place) for each in found]


def _reading(index: SceneIndex, finest: int) -> SceneReading:
    place = min(finest, len(index.files) - 1)
    files = (index.files[place], *index.files[:place], *index.files[place + 1 :])
    return SceneReading(tuple(each.file for each in files), index._replace(files=files))


@contextmanager
def opened(catalog: Catalog, reading: SceneReading) -> Iterator[List[DatasetReader]]:
    """Open the files of a scene within a ``with`` statement.

    Parameters
    ----------
    catalog : Catalog
        The service.
    reading : SceneReading
        The files.

    Yields
    ------
    list of rasterio.io.DatasetReader
        The open files.
    """
    with ExitStack() as stack:
        yield [stack.enter_context(open_scene_file(catalog, file)) for file in reading.files]


def header_read(reading: SceneReading, datasets: Sequence[DatasetReader]) -> RasterHeader:
    """Return the header of the pixels that are read of a scene.

    Parameters
    ----------
    reading : SceneReading
        The files.
    datasets : sequence of rasterio.io.DatasetReader
        The open files.
    """
    header = header_of(datasets[0])
    return header if reading.index is None else index_header(header, header.grid, reading.index, {})


def read_scene(
    reading: SceneReading, datasets: Sequence[DatasetReader], grid: GridSpec, resampling: str = "nearest"
) -> Pixels:
    """Read the part of a scene that lies on a grid, as `planet_vector.stacks.resample.read_onto` does.

    Parameters
    ----------
    reading : SceneReading
        The files.
    datasets : sequence of rasterio.io.DatasetReader
        The open files.
    grid : GridSpec
        The grid, with a `rasterio.crs.CRS`.
    resampling : str
        The method for files that are on another grid; an index is computed of the resampled bands.

    Returns
    -------
    Pixels
        In the shape of the grid. An index is a band of float32, NaN where a band has no data.

    Raises
    ------
    RasterAccessError
        If the pixels cannot be read.
    """
    parts = [read_onto(dataset, grid, resampling) for dataset in datasets]
    if reading.index is None:
        return parts[0]
    bands: Dict[str, BandPixels] = {}
    for each, part in zip(reading.index.files, parts):
        each.check(part.header)
        for name, number in each.numbers:
            band = part.header.bands[number - 1]
            bands[name] = BandPixels(part.bands[number - 1], part.valid, band, each.file.title)
    values = evaluate(reading.index.expression, bands)
    return Pixels(values[np.newaxis], ~np.isnan(values), index_header(parts[0].header, grid, reading.index, {}))
