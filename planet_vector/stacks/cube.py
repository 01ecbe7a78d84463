"""A stack as a cube of pixels over time, read where it lies, by as many machines as there are.

odc-stac lays out the cube and its dask graph; pixels are read by the same code as crops are, with its GDAL options.
The graph tells a worker the service's address. The key is not in it: a graph is pickled, kept by the scheduler and
sent to machines that are not the API's. A worker in another process finds the key as every process does, in
``PL_API_KEY`` or in the file of its user; those of a `LocalCluster` inherit both, others are given it as their cluster
gives secrets. Each worker follows the links itself, so the key goes to the service and nowhere else, and a signature is
made where and when it is used.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from contextlib import contextmanager
from typing import Any, Dict, Iterator, Mapping, Optional, Sequence, Tuple, Union

import numpy as np
from affine import Affine
from rasterio.crs import CRS

from planet_vector import stac
from planet_vector.catalog import connect
from planet_vector.config import Settings
from planet_vector.errors import QueryError, RasterAccessError
from planet_vector.raster.product import open_link
from planet_vector.raster.virtual import header_of
from planet_vector.scene import Scene
from planet_vector.stacks.crop import as_stack, reference_of, stack_place
from planet_vector.stacks.overlap import Stack
from planet_vector.stacks.reading import Pixels, Place, read_onto

ROWS = 1024
"""Rows of a chunk, all columns wide: products come in strips of full rows, of which a narrower chunk needs as much."""

_KEPT = 4  # parts of products that a process keeps: the bands of a part are asked for one after another

_Part = Tuple[Settings, str, Place, str]


def to_xarray(
    stack: Union[Stack, Sequence[Scene]],
    *,
    product: str = "visual",
    crs: Any = None,
    resampling: str = "nearest",
    chunks: Optional[Mapping[str, int]] = None,
    api_url: Optional[str] = None,
    key: Optional[str] = None,
) -> Any:
    """Return the ground that the scenes of a stack share as a cube: the bands over time, y and x.

    Parameters
    ----------
    stack : Stack or sequence of Scene
        As `find_stacks` gives them; of scenes, the ground they share is taken.
    product : str
        Which product of each scene.
    crs : anything `rasterio.crs.CRS.from_user_input` takes, optional
        The coordinate system; by default the UTM zone most scenes lie in.
    resampling : str
        For scenes that are not on the grid: a name of `rasterio.enums.Resampling`.
    chunks : mapping of str to int, optional
        Rows ``y`` and columns ``x`` of a part that is read at once; by default 1024 rows, all columns wide.
    api_url, key : str, optional
        As for `planet_vector.connect`.

    Returns
    -------
    xarray.Dataset
        A variable for each band, as lazy dask arrays; the same grid as `crop_stack` writes. The coordinate ``scene``
        along ``time`` holds the ids. What has no data is 0 in ``alpha``, where there is one, and the variable's
        ``nodata`` otherwise.

    Raises
    ------
    QueryError
        When the scenes share no ground.
    RasterAccessError, ServiceError
        When the first product cannot be had; later on, when pixels are computed, when one of the others cannot.
    """
    import odc.stac
    import pystac
    from odc.geo.geobox import GeoBox

    stack = as_stack(stack)
    settings = Settings.load(api_url, key)
    catalog = connect(settings)
    place = stack_place(catalog, stack, product, crs)
    reference = reference_of(stack)
    with open_link(catalog, reference.product_link(product), f"{reference.id}/{product}") as dataset:
        header = header_of(dataset)
    items = []
    for scene in stack.scenes:
        catalog.transport.check_link(scene.product_link(product))
        item = stac.item(scene, {product: header})
        # The bands are those of the one header; where the pixels of the others lie is found when they are read.
        item["assets"] = {product: {k: v for k, v in item["assets"][product].items() if not k.startswith("proj:")}}
        items.append(pystac.Item.from_dict(item))
    names = [band["name"] for band in items[0].assets[product].extra_fields["eo:bands"]]
    cube = odc.stac.load(
        items,
        bands=[f"{product}.{number}" for number in range(1, len(names) + 1)] if len(names) > 1 else [product],
        geobox=GeoBox((place.height, place.width), place.transform, place.crs.to_wkt()),
        chunks={**(chunks or {"y": min(ROWS, place.height), "x": place.width})},
        resampling=resampling,
        groupby="id",
        preserve_original_order=True,
        driver=ProductDriver(settings),
    )
    if cube.sizes["time"] != len(stack.scenes):
        raise QueryError("Two scenes of the stack have one id: a cube takes each once.")
    cube = cube.rename(dict(zip(list(cube.data_vars), names)))
    return cube.assign_coords(scene=("time", list(stack.ids)))


class ProductDriver:
    """Read products for odc-loader: be its `ReaderDriver`.

    Parameters
    ----------
    settings : Settings
        The service and its key; where this is unpickled, those settings are loaded anew, as the key does not travel.
    """

    md_parser = None
    dask_reader = None
    aux_reader = None

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def __reduce__(self) -> Tuple[Any, Tuple[str]]:
        return _driver_of, (self.settings.api_url,)

    def __dask_tokenize__(self) -> Tuple[str, str]:
        """Tell cubes apart by their service; the key is no part of what they are."""
        return type(self).__name__, self.settings.api_url

    def new_load(self, geobox: Any, *, chunks: Any = None) -> None:
        """Begin: nothing is kept for a whole cube."""

    def finalise_load(self, load_state: None) -> None:
        """End."""

    def capture_env(self) -> Dict[str, Any]:
        """Return what a worker needs besides this driver: nothing, as GDAL's options are those of every product."""
        return {}

    @contextmanager
    def restore_env(self, env: Dict[str, Any], load_state: None) -> Iterator[None]:
        """Be within what was captured."""
        yield

    def open(self, src: Any, ctx: None) -> _Reader:
        """Open a band of a product."""
        return _Reader(self, src.uri, src.band)

    def __repr__(self) -> str:
        return f"<ProductDriver {self.settings.api_url}>"


def _driver_of(api_url: str) -> ProductDriver:
    return ProductDriver(Settings.load(api_url))


class _Reader:
    """Read one band; it travels between workers, as its driver does."""

    def __init__(self, driver: ProductDriver, link: str, band: int) -> None:
        self._driver, self._link, self._band = driver, link, band

    def read(
        self, cfg: Any, dst_geobox: Any, *, dst: Any = None, selection: Any = None
    ) -> Tuple[Tuple[slice, slice], Any]:
        """Return a part of a band, on the cube's grid."""
        rows, columns = dst_geobox.shape
        place = Place(CRS.from_wkt(dst_geobox.crs.to_wkt()), Affine(*dst_geobox.transform[:6]), columns, rows)
        found = _parts.get((self._driver.settings, self._link, place, cfg.resampling))
        if self._band > len(found.bands):
            name = self._link.partition("?")[0]
            raise RasterAccessError(f"{name} has {len(found.bands)} bands, fewer than others: leave its scene out.")
        pixels = found.bands[self._band - 1]
        if dst is None:
            dst = np.empty(pixels.shape, pixels.dtype)
        dst[:] = pixels
        return (slice(0, rows), slice(0, columns)), dst


class _Parts:
    """Keep the parts that were read last, so that the bands of one file, which lie together, are fetched once."""

    def __init__(self) -> None:
        self._kept: OrderedDict[_Part, Pixels] = OrderedDict()
        self._locks: Dict[_Part, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, part: _Part) -> Pixels:
        with self._lock:
            lock = self._locks.setdefault(part, threading.Lock())
        with lock:
            with self._lock:
                if part in self._kept:
                    self._kept.move_to_end(part)
                    return self._kept[part]
            settings, link, place, resampling = part
            catalog = connect(settings)
            with open_link(catalog, catalog.transport.check_link(link), link) as dataset:
                found = read_onto(dataset, place, resampling)
            with self._lock:
                self._kept[part] = found
                while len(self._kept) > _KEPT:
                    gone, _ = self._kept.popitem(last=False)
                    self._locks.pop(gone, None)
            return found


_parts = _Parts()
