"""A stack as a cube of pixels over time, read remotely by any number of dask workers.

odc-stac lays out the cube and its dask graph. Pixels are read by the same code and with the same GDAL options as for
crops. The graph contains the service's address but not the key: a graph is pickled, stored by the scheduler and sent to
machines that are not the API's. A worker in another process finds the key as every process does, in ``PL_API_KEY`` or
in its user's file. Workers of a `LocalCluster` inherit both; other clusters must pass the key by their own means for
secrets. Each worker follows links itself: so the key is sent only to the service, and a signed address is created where
and when it is used.
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
from planet_vector.catalog import catalog_of, catalog_of_scenes
from planet_vector.config import Settings
from planet_vector.errors import QueryError, RasterAccessError
from planet_vector.extras import named_extra
from planet_vector.geometry.grid import GridSpec
from planet_vector.geometry.ground import percent
from planet_vector.pixels.header import RasterHeader
from planet_vector.progress import Progress
from planet_vector.raster.indices import index_name
from planet_vector.raster.scene_files import activate_files
from planet_vector.scene import Scene
from planet_vector.stacks.crop import as_stack
from planet_vector.stacks.overlap import Stack, shares_by_scene
from planet_vector.stacks.reading import SceneReading, header_read, opened, read_scene, readings_of
from planet_vector.stacks.resample import Pixels
from planet_vector.stacks.stack_grid import reference_of, stack_grid

if TYPE_CHECKING:
    import xarray

ROWS = 1024
"""Rows of a chunk of full width: products are stored in strips of full rows, so narrower chunks read as many bytes."""

_KEPT = 4  # cached parts of products: the bands of a part are requested one after another

_PIXELS = "pixels"  # name of the asset of the cube's items

_Readings = Mapping[str, SceneReading]
_Part = Tuple[Settings, str, GridSpec, str]


def to_xarray(
    stack: Union[Stack, Sequence[Scene]],
    *,
    area: Any = None,
    rectangle: bool = False,
    product: Optional[str] = None,
    dst_crs: Any = None,
    resampling: str = "nearest",
    mask: Optional[str] = None,
    index: Optional[str] = None,
    activate: Union[bool, Progress] = False,
    chunks: Optional[Mapping[str, int]] = None,
    connection: Optional[str] = None,
    key: Optional[str] = None,
) -> xarray.Dataset:
    """Return the ground of an area, or the ground that the scenes of a stack share, as a cube over time, y and x.

    Parameters
    ----------
    stack : Stack or sequence of Scene
        A stack of `find_stacks`, or scenes, whose shared ground is taken.
    area : shapely geometry, mapping or str, optional
        The area to crop to, as for `crop_stack`: the pixels that the rectangle around it touches. By default the area
        of the stack.
    rectangle : bool
        Take the largest rectangle that all scenes cover, even if the stack has an area.
    product : str, optional
        The product of each scene; by default the preferred one, such as ``visual``.
    dst_crs : anything `rasterio.crs.CRS.from_user_input` takes, optional
        The coordinate system; by default the UTM zone of most scenes.
    resampling : str
        For scenes that are not on the grid: a name of `rasterio.enums.Resampling`.
    mask : str, optional
        Pixels to hide, as for `planet_vector.open`: hidden pixels are missing data. By default nothing.
    index : str, optional
        Compute an index of bands, as for `planet_vector.open`: a variable of float32, ``index`` or the name of the
        index. By default the bands are found in any product that is no picture.
    activate : bool or callable
        Activate the files first, and wait for them, as `planet_vector.activate` does; a callback is called with the
        number of active files and of all.
    chunks : mapping of str to int, optional
        Rows ``y`` and columns ``x`` of a chunk; by default 1024 rows of full width.
    connection, key : str, optional
        As for `planet_vector.connect`.

    Returns
    -------
    xarray.Dataset
        A variable for each band, as lazy dask arrays, on the same grid as the files of `crop_stack`. The coordinate
        ``scene`` along ``time`` holds the ids. Missing data is 0 in ``alpha``, if there is such a band, and otherwise
        the variable's ``nodata``, which is NaN for floats without another value. If neither exists, a variable ``mask``
        is 255 at data and 0 elsewhere.

        The pixels are those of the files. If they need scaling, attributes specify it by CF names: ``scale_factor``,
        ``add_offset``, ``units`` and ``_FillValue``. `xarray.decode_cf` applies them, and turns missing data into NaN.

    Raises
    ------
    QueryError
        If the scenes share no ground, a footprint does not cover the whole area, or a mask does not tell what to hide.
    NotFoundError
        If a scene lacks the product, or its mask.
    RasterAccessError, ServiceError
        If the first product cannot be read. Errors of the others are raised when pixels are computed.
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
    catalog = catalog_of_scenes(stack.scenes, connection, key)
    settings = catalog.settings
    reference = reference_of(stack)
    readings = readings_of(catalog, stack.scenes, reference, product, mask, index)
    if activate:
        pairs = [(scene, file) for scene, reading in zip(stack.scenes, readings) for file in reading.files]
        activate_files(catalog, pairs, activate)
    first = readings[stack.scenes.index(reference)]
    grid = stack_grid(catalog, stack, first.files[0].asset.name, dst_crs)
    with opened(catalog, first) as datasets:
        header = header_read(first, datasets)
    links = [reading.files[0].asset.href for reading in readings]
    driver = ProductDriver(settings, header, dict(zip(links, readings)))
    items = []
    for scene, reading in zip(stack.scenes, readings):
        name = reading.files[0].asset.name
        item = stac_export.to_stac(scene, {name: header} if index is None else {})
        # All items get the bands of the one header; the position of the others' pixels is read with them.
        asset = {k: v for k, v in item["assets"][name].items() if not k.startswith("proj:")}
        if index is not None:
            asset["eo:bands"] = [{"name": index_name(index)}]
        item["assets"] = {_PIXELS: {**asset, "raster:bands": driver.raster_bands()}}
        items.append(pystac.Item.from_dict(item))
    names = [band["name"] for band in items[0].assets[_PIXELS].extra_fields["eo:bands"]]
    if driver.has_mask:
        names.append("mask" if "mask" not in names else "data_mask")
    cube = odc.stac.load(
        items,
        bands=[f"{_PIXELS}.{number}" for number in range(1, len(names) + 1)] if len(names) > 1 else [_PIXELS],
        geobox=GeoBox(grid.shape, Affine(*grid.transform), grid.crs.to_wkt()),
        chunks={**(chunks or {"y": min(ROWS, grid.height), "x": grid.width})},
        resampling=resampling,
        groupby="id",
        preserve_original_order=True,
        driver=driver,
    )
    if cube.sizes["time"] != len(stack.scenes):
        raise QueryError("Two scenes of the stack have the same id, but those of a cube must be distinct.")
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
        The service and its key. They are not pickled; unpickling loads the settings of the service again.
    header : RasterHeader
        The bands of the cube; those of all products must agree with them.
    readings : mapping of str to SceneReading
        The files to read, by the link of an item's asset.
    """

    md_parser = None
    dask_reader = None
    aux_reader = None

    def __init__(self, settings: Settings, header: RasterHeader, readings: _Readings) -> None:
        self.settings = settings
        self.header = header
        self.readings = readings

    def __reduce__(self) -> Tuple[Any, Tuple[str, RasterHeader, _Readings]]:
        return _driver_of, (self.settings.api_url, self.header, self.readings)

    def __dask_tokenize__(self) -> Tuple[str, ...]:
        """Return the identity of the cube for dask: its service, bands and files, without the key."""
        own = self.settings.api_url, repr(self.header.bands), repr(self.has_mask)
        return type(self).__name__, *own, repr([each.identity for each in self.readings.values()])

    @property
    def nodata(self) -> Tuple[Any, ...]:
        """The nodata value of each band's variable; None for alpha."""
        values = enumerate(self.header.fill_values, 1)
        return tuple(None if number == self.header.alpha else value for number, value in values)

    @property
    def has_mask(self) -> bool:
        """Whether the cube has a mask variable."""
        shown = [value for number, value in enumerate(self.nodata, 1) if number != self.header.alpha]
        return None in shown and (self.header.masked or self.header.alpha is None)

    def raster_bands(self) -> List[Dict[str, Any]]:
        """Return the bands as fields of STAC's raster extension, which odc-stac reads."""
        types = [dtype.replace("complex_int16", "complex64") for dtype in self.header.dtypes]
        bands = [
            {"data_type": dtype, **({} if value is None else {"nodata": value})}
            for dtype, value in zip(types, self.nodata)
        ]
        return [*bands, *([{"data_type": "uint8"}] if self.has_mask else [])]

    def attributes(self) -> List[Dict[str, Any]]:
        """Return the CF attributes of each band's variable."""
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
        """Begin a load; there is no state for a whole cube.

        Parameters
        ----------
        geobox : odc.geo.geobox.GeoBox
            The grid of the cube.
        chunks : mapping, optional
            The sizes of its chunks.
        """

    def finalise_load(self, load_state: None) -> None:
        """End a load.

        Parameters
        ----------
        load_state : None
            The result of `new_load`.
        """

    def capture_env(self) -> Dict[str, Any]:
        """Return the environment for workers: empty, as each product sets its own GDAL options."""
        return {}

    @contextmanager
    def restore_env(self, env: Dict[str, Any], load_state: None) -> Iterator[None]:
        """Apply the captured environment, which is empty.

        Parameters
        ----------
        env : dict
            The result of `capture_env`.
        load_state : None
            The result of `new_load`.

        Yields
        ------
        None
            While it applies.
        """
        yield

    def open(self, src: Any, ctx: None) -> _Reader:
        """Open a band of a product.

        Parameters
        ----------
        src : odc.loader.types.RasterSource
            The product's link, and the number of the band.
        ctx : None
            The result of `new_load`.

        Returns
        -------
        odc.loader.types.RasterReader
            A reader of the band.
        """
        return _Reader(self, src.uri, src.band)

    def __repr__(self) -> str:
        return f"<ProductDriver {self.settings.api_url}>"


def _driver_of(connection: str, header: RasterHeader, readings: _Readings) -> ProductDriver:
    return ProductDriver(Settings.load(connection), header, readings)


class _Reader:
    """Reader of one band; pickled for workers together with its driver."""

    def __init__(self, driver: ProductDriver, link: str, band: int) -> None:
        self._driver, self._link, self._band = driver, link, band

    def read(
        self, cfg: Any, dst_geobox: Any, *, dst: Any = None, selection: Any = None
    ) -> Tuple[Tuple[slice, slice], Any]:
        """Return a part of the band on the cube's grid."""
        (rows, columns), transform = dst_geobox.shape, dst_geobox.transform
        crs, res = CRS.from_wkt(dst_geobox.crs.to_wkt()), (transform.a, -transform.e)
        grid = GridSpec(crs, transform.c, transform.f, res, columns, rows)
        found = _parts.get(self._driver.settings, self._driver.readings[self._link], grid, cfg.resampling)
        pixels = self._in_cube_form(found)
        if dst is None:
            dst = np.empty(pixels.shape, pixels.dtype)
        dst[:] = pixels
        return (slice(0, rows), slice(0, columns)), dst

    def _in_cube_form(self, found: Pixels) -> Any:
        """Return the pixels of the band in the representation of the cube's variable."""
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
            told = f"{name} has pixels of {value}, which is nodata in the others"
            raise RasterAccessError(f"{told}: leave its scene out.")
        return np.where(data, pixels, pixels.dtype.type(value))


class _Parts:
    """Cache of the parts read last, so that the bands of a file, which are stored together, are fetched once."""

    def __init__(self) -> None:
        self._kept: OrderedDict[_Part, Pixels] = OrderedDict()
        self._locks: Dict[_Part, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, settings: Settings, reading: SceneReading, grid: GridSpec, resampling: str) -> Pixels:
        part = settings, reading.identity, grid, resampling
        with self._lock:
            lock = self._locks.setdefault(part, threading.Lock())
        with lock:
            with self._lock:
                if part in self._kept:
                    self._kept.move_to_end(part)
                    return self._kept[part]
            catalog = catalog_of(settings)
            for file in reading.files:
                catalog.transport.check_link(file.link)
            with opened(catalog, reading) as datasets:
                found = read_scene(reading, datasets, grid, resampling)
            with self._lock:
                self._kept[part] = found
                while len(self._kept) > _KEPT:
                    gone, _ = self._kept.popitem(last=False)
                    self._locks.pop(gone, None)
            return found


_parts = _Parts()
