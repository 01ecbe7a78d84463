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
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

import numpy as np
from affine import Affine
from rasterio.crs import CRS

from planet_vector import stac_export
from planet_vector.catalog import catalog_of
from planet_vector.config import Settings
from planet_vector.errors import QueryError, RasterAccessError
from planet_vector.extras import named_extra
from planet_vector.geometry.grid import GridSpec
from planet_vector.geometry.ground import percent
from planet_vector.pixels.header import RasterHeader
from planet_vector.raster.headers import header_of
from planet_vector.raster.product import open_link
from planet_vector.scene import Scene
from planet_vector.stacks.crop import as_stack
from planet_vector.stacks.overlap import Stack, shares_by_scene
from planet_vector.stacks.resample import Pixels, read_onto
from planet_vector.stacks.stack_grid import reference_of, stack_grid

if TYPE_CHECKING:
    import xarray

ROWS = 1024
"""Rows of a chunk, all columns wide: products come in strips of full rows, of which a narrower chunk needs as much."""

_KEPT = 4  # parts of products that a process keeps: the bands of a part are asked for one after another

_Part = Tuple[Settings, str, GridSpec, str]


def to_xarray(
    stack: Union[Stack, Sequence[Scene]],
    *,
    area: Any = None,
    rectangle: bool = False,
    product: Optional[str] = None,
    dst_crs: Any = None,
    resampling: str = "nearest",
    chunks: Optional[Mapping[str, int]] = None,
    connection: Optional[str] = None,
    key: Optional[str] = None,
) -> xarray.Dataset:
    """Return the ground of an area, or that the scenes of a stack share, as a cube: the bands over time, y and x.

    Parameters
    ----------
    stack : Stack or sequence of Scene
        As `find_stacks` gives them; of scenes, the ground they share is taken.
    area : shapely geometry, mapping or str, optional
        What to cut to, as `crop_stack` has it: the whole pixels that the rectangle around it touches; by default the
        area that the stack was found for.
    rectangle : bool
        Take the largest rectangle that all scenes cover, although the stack was found for an area.
    product : str, optional
        Which product of each scene; by default the one that people want first, such as ``visual``.
    dst_crs : anything `rasterio.crs.CRS.from_user_input` takes, optional
        The coordinate system; by default the UTM zone most scenes lie in.
    resampling : str
        For scenes that are not on the grid: a name of `rasterio.enums.Resampling`.
    chunks : mapping of str to int, optional
        Rows ``y`` and columns ``x`` of a part that is read at once; by default 1024 rows, all columns wide.
    connection, key : str, optional
        As for `planet_vector.connect`.

    Returns
    -------
    xarray.Dataset
        A variable for each band, as lazy dask arrays; the same grid as `crop_stack` writes. The coordinate ``scene``
        along ``time`` holds the ids. What has no data is 0 in ``alpha``, where there is one, and otherwise the
        variable's ``nodata``, which is NaN in floats that name no other value; where neither can be, a variable
        ``mask`` is 255 where there is data and 0 where there is none.

        The pixels are those of the files. Where they are not what they mean, attributes say it, as CF names them:
        ``scale_factor``, ``add_offset``, ``units`` and ``_FillValue``, by which `xarray.decode_cf` makes numbers of
        them, and NaN of what has no data.

    Raises
    ------
    QueryError
        If the scenes share no ground, or a footprint does not cover all of the area.
    RasterAccessError, ServiceError
        If the first product cannot be had; later on, when pixels are computed, when one of the others cannot.
    """
    with named_extra():
        import odc.stac
        import pystac
        from odc.geo.geobox import GeoBox

    stack = as_stack(stack, area, rectangle)
    if stack.asked is not None:
        share, scene = min(zip(shares_by_scene(stack), stack.scenes), key=lambda told: told[0])
        if share < 1:
            raise QueryError(f"Scene {scene.id} covers {percent(share)} of the area: leave it out of the cube.")
    product = stack.scenes[0].schema.product(product)
    settings = Settings.load(connection, key)
    catalog = catalog_of(settings)
    grid = stack_grid(catalog, stack, product, dst_crs)
    reference = reference_of(stack)
    with open_link(catalog, reference.product_link(product), f"{reference.id}/{product}") as dataset:
        header = header_of(dataset)
    driver = ProductDriver(settings, header)
    items = []
    for scene in stack.scenes:
        catalog.transport.check_link(scene.product_link(product))
        item = stac_export.to_stac(scene, {product: header})
        # The bands are those of the one header; where the pixels of the others lie is found when they are read.
        asset = {k: v for k, v in item["assets"][product].items() if not k.startswith("proj:")}
        item["assets"] = {product: {**asset, "raster:bands": driver.raster_bands()}}
        items.append(pystac.Item.from_dict(item))
    names = [band["name"] for band in items[0].assets[product].extra_fields["eo:bands"]]
    if driver.has_mask:
        names.append("mask" if "mask" not in names else "data_mask")
    cube = odc.stac.load(
        items,
        bands=[f"{product}.{number}" for number in range(1, len(names) + 1)] if len(names) > 1 else [product],
        geobox=GeoBox(grid.shape, Affine(*grid.transform), grid.crs.to_wkt()),
        chunks={**(chunks or {"y": min(ROWS, grid.height), "x": grid.width})},
        resampling=resampling,
        groupby="id",
        preserve_original_order=True,
        driver=driver,
    )
    if cube.sizes["time"] != len(stack.scenes):
        raise QueryError("Two scenes of the stack have one id: a cube takes each once.")
    cube = cube.rename(dict(zip(list(cube.data_vars), names)))
    for name, attributes in zip(names, driver.attributes()):
        cube[name].attrs.update(attributes)
    found: xarray.Dataset = cube.assign_coords(scene=("time", list(stack.ids)))
    return found


class ProductDriver:
    """odc-loader's `ReaderDriver` for products.

    Parameters
    ----------
    settings : Settings
        The service and its key; where this is unpickled, those settings are loaded anew, as the key does not travel.
    header : RasterHeader
        What the bands of the cube are; those of all products must be so.
    """

    md_parser = None
    dask_reader = None
    aux_reader = None

    def __init__(self, settings: Settings, header: RasterHeader) -> None:
        self.settings = settings
        self.header = header

    def __reduce__(self) -> Tuple[Any, Tuple[str, RasterHeader]]:
        return _driver_of, (self.settings.api_url, self.header)

    def __dask_tokenize__(self) -> Tuple[str, ...]:
        """Tell cubes apart by their service and bands; the key is no part of what they are."""
        return type(self).__name__, self.settings.api_url, repr(self.header.bands), repr(self.has_mask)

    @property
    def nodata(self) -> Tuple[Any, ...]:
        """What stands for no data in each variable of a band: nothing in alpha."""
        values = enumerate(self.header.fill_values, 1)
        return tuple(None if number == self.header.alpha else value for number, value in values)

    @property
    def has_mask(self) -> bool:
        """Whether a variable of its own says what has no data."""
        shown = [value for number, value in enumerate(self.nodata, 1) if number != self.header.alpha]
        return None in shown and (self.header.masked or self.header.alpha is None)

    def raster_bands(self) -> List[Dict[str, Any]]:
        """Return the bands in the words of STAC's raster extension, as odc-stac reads them."""
        types = [dtype.replace("complex_int16", "complex64") for dtype in self.header.dtypes]
        bands = [
            {"data_type": dtype, **({} if value is None else {"nodata": value})}
            for dtype, value in zip(types, self.nodata)
        ]
        return [*bands, *([{"data_type": "uint8"}] if self.has_mask else [])]

    def attributes(self) -> List[Dict[str, Any]]:
        """Return what the variables of the bands say of their pixels."""
        found = []
        for band, value in zip(self.header.bands, self.nodata):
            said: Dict[str, Any] = {}
            if value is not None and not band.dtype.startswith("complex"):
                said["_FillValue"] = np.dtype(band.dtype).type(value)
            if (band.scale, band.offset) != (1, 0):
                said.update(scale_factor=band.scale, add_offset=band.offset)
            if band.unit:
                said["units"] = band.unit
            if band.description:
                said["long_name"] = band.description
            found.append(said)
        return found

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


def _driver_of(connection: str, header: RasterHeader) -> ProductDriver:
    return ProductDriver(Settings.load(connection), header)


class _Reader:
    """Reader of one band; it is pickled for workers, as its driver is."""

    def __init__(self, driver: ProductDriver, link: str, band: int) -> None:
        self._driver, self._link, self._band = driver, link, band

    def read(
        self, cfg: Any, dst_geobox: Any, *, dst: Any = None, selection: Any = None
    ) -> Tuple[Tuple[slice, slice], Any]:
        """Return a part of a band, on the cube's grid."""
        (rows, columns), transform = dst_geobox.shape, dst_geobox.transform
        crs, res = CRS.from_wkt(dst_geobox.crs.to_wkt()), (transform.a, -transform.e)
        grid = GridSpec(crs, transform.c, transform.f, res, columns, rows)
        found = _parts.get((self._driver.settings, self._link, grid, cfg.resampling))
        pixels = self._of_the_cube(found)
        if dst is None:
            dst = np.empty(pixels.shape, pixels.dtype)
        dst[:] = pixels
        return (slice(0, rows), slice(0, columns)), dst

    def _of_the_cube(self, found: Pixels) -> Any:
        """Return the pixels of the band as the cube's variable has them."""
        cube, name = self._driver.header, self._link.partition("?")[0]
        differences = [*cube.differences(found.header)]
        if not differences and cube.alpha != found.header.alpha:
            differences.append(f"band {cube.alpha or found.header.alpha} is alpha in one and not in the other")
        if differences:
            told = f"{name} has other bands than the scene whose pixels make the grid: {', '.join(differences)}"
            raise RasterAccessError(f"{told}. Leave its scene out.")
        if self._band > len(cube.bands):
            return np.where(found.valid, np.uint8(255), np.uint8(0))
        pixels = found.bands[self._band - 1]
        if self._band == cube.alpha:
            return np.where(found.valid, pixels, pixels.dtype.type(0))
        value, own = self._driver.nodata[self._band - 1], found.header.fill_values[self._band - 1]
        if value is None:
            return pixels
        data = found.valid & np.isfinite(pixels)
        if own is not None:
            data &= pixels != own
        if repr(own) != repr(value) and (pixels[data] == value).any():
            told = f"{name} has pixels of {value}, which stands for no data in the others"
            raise RasterAccessError(f"{told}: leave its scene out.")
        return np.where(data, pixels, pixels.dtype.type(value))


class _Parts:
    """Cache of the parts that were read last, so that the bands of one file, which lie together, are fetched once."""

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
            settings, link, grid, resampling = part
            catalog = catalog_of(settings)
            with open_link(catalog, catalog.transport.check_link(link), link) as dataset:
                found = read_onto(dataset, grid, resampling)
            with self._lock:
                self._kept[part] = found
                while len(self._kept) > _KEPT:
                    gone, _ = self._kept.popitem(last=False)
                    self._locks.pop(gone, None)
            return found


_parts = _Parts()
