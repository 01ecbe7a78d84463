"""Several files as one dataset, each read only where it is looked at.

The sources are the service's own links, so that what was put together stays valid however long it is open, and can
be saved for others: the key is in no name and no file, but in force in GDAL for the service's hosts
(`planet_vector.raster.scope`).
"""

from __future__ import annotations

import re
import weakref
from pathlib import Path
from typing import Any, Callable, Dict, Mapping, Optional, Sequence, Tuple, Union
from xml.etree.ElementTree import Element, SubElement, tostring

from rasterio.errors import RasterioIOError

from planet_vector.catalog import ScenesV0
from planet_vector.errors import RasterAccessError
from planet_vector.raster.bands import LANDSAT, Band
from planet_vector.raster.options import Options
from planet_vector.raster.product import Product, ProductError, north_up, opened
from planet_vector.raster.remote import Remote
from planet_vector.raster.said import gdal_said, messages
from planet_vector.raster.sources import Sources, source_name
from planet_vector.raster.writing import complete
from planet_vector.scene import Scene
from planet_vector.workers import Workers

Bounds = Tuple[float, float, float, float]

_TYPES = {
    "uint8": "Byte", "int8": "Int8", "uint16": "UInt16", "int16": "Int16", "uint32": "UInt32", "int32": "Int32",
    "float32": "Float32", "float64": "Float64",
}  # fmt: skip


_MOST_ASKED = 20  # files, whether the service gives them, after a read that failed
_MOST_PIXELS = 2**31 - 1  # a side, which GDAL counts in 32 bits


class Virtual(Remote):
    """Read several files as one raster; by one thread at a time, as any rasterio dataset."""

    _title = "of a service"  # until opened: rasterio logs the dataset while it is made
    _as_vrt: Callable[[], str]
    _kept: Any = None
    _end: Any = None
    _sources: Optional[Sources] = None
    _titles: Mapping[str, str] = {}  # of the files, by link

    def save_vrt(self, path: Union[str, Path]) -> None:
        """Write a VRT file of the same, which others can open; no key in it.

        They need a key of their own in force, as ``planet-vector env`` puts it.

        Parameters
        ----------
        path : str or Path
            Where to; replaced if there.
        """
        text = self._as_vrt()
        with complete(Path(path)) as temporary:
            temporary.write_text(text, encoding="utf-8")

    def read(self, *args: Any, **kwargs: Any) -> Any:
        """Read pixels as `rasterio.io.DatasetReader.read` does.

        Raises
        ------
        ServiceError
            When the service does not give a file.
        RasterAccessError
            When one cannot be read.
        """
        return self._whole(super().read, *args, **kwargs)

    def read_masks(self, *args: Any, **kwargs: Any) -> Any:
        """Read masks as `rasterio.io.DatasetReader.read_masks` does; raises as `read` does."""
        return self._whole(super().read_masks, *args, **kwargs)

    def dataset_mask(self, *args: Any, **kwargs: Any) -> Any:
        """Read the mask as `rasterio.io.DatasetReader.dataset_mask` does; raises as `read` does."""
        return self._whole(super().dataset_mask, *args, **kwargs)

    def _whole(self, read: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if self._sources is not None:
            self._sources.enforce()
        try:
            return read(*args, **kwargs)
        except RasterioIOError as error:
            raise self._explained(error) from None

    def _explained(self, error: Exception) -> ProductError:
        """Return why a read failed: which file it was, and what the service says of it."""
        said = " ".join(messages(error))
        # GDAL names a file that it cannot open, and not one that it cannot read on in.
        named = [link for link in self._titles if link in said] or list(self._titles)[:_MOST_ASKED]
        if self._sources is not None:
            self._sources.forget()
            for link in named:
                self._sources.ask(link, f"{self._titles[link]} of {self._title}")
        return ProductError(f"{self._title} could not be read whole: {gdal_said(error)}; try again.")

    def _close(self) -> None:
        super()._close()
        self._end()  # withdraws the key

    def _repr_png_(self) -> bytes:
        from planet_vector.raster.pictures import quicklook

        return quicklook(self)

    def __repr__(self) -> str:
        return f"<{'closed' if self.closed else 'open'} {type(self).__name__} {self._title}>"


def open_virtual(
    catalog: ScenesV0,
    text: str,
    title: str,
    as_vrt: Callable[[], str],
    kept: Any = None,
    cls: Any = Virtual,
    titles: Optional[Mapping[str, str]] = None,
) -> Any:
    """Open what refers to links of a service, with its key in force until the dataset is closed.

    Parameters
    ----------
    catalog : ScenesV0
        The service.
    text : str
        The text of a VRT.
    title : str
        What errors call it.
    as_vrt : callable
        Returns the text for others, as `Virtual.save_vrt` writes it.
    kept : object, optional
        Something that must live as long.
    cls : type
        `Virtual`, or what derives from it.
    titles : mapping of str to str, optional
        What errors call the file that each link leads to; None where GDAL reads none, and needs no key.
    """
    sources = None if titles is None else Sources(catalog)
    end = sources.end if sources is not None else lambda: None
    try:
        dataset = opened(text, Options(), driver="VRT", cls=cls)
    except RasterioIOError as error:
        end()
        raise ProductError(f"{title} cannot be opened: {gdal_said(error)}.") from None
    except BaseException:
        end()
        raise
    dataset._title, dataset._as_vrt, dataset._kept = title, as_vrt, kept
    dataset._sources, dataset._titles = sources, titles or {}
    dataset._end = weakref.finalize(dataset, end)
    return dataset


def open_bands(
    catalog: ScenesV0, scene: Scene, products: Sequence[str], resolution: Union[str, float] = "highest"
) -> Virtual:
    """Open several products of a scene as one dataset: their bands, in the order given.

    Parameters
    ----------
    catalog : ScenesV0
        The service.
    scene : Scene
        The scene.
    products : sequence of str
        Such as ``["band_4", "band_3", "band_2"]``; ``["all"]`` for each that the scene has.
    resolution : "highest", "lowest" or float
        The pixel size: that of the finest product (the panchromatic band), of the coarsest, or one in the units of
        the scene's coordinate system, metres. Other bands get it by their nearest pixel: no value is made up.

    Raises
    ------
    NotFoundError
        When the scene has no such product.
    RasterAccessError
        When they do not lie in one coordinate system.
    """
    if list(products) == ["all"]:
        products = sorted(scene.products, key=_by_number)
    links = [catalog.transport.check_link(scene.product_link(product)) for product in products]
    title = f"{scene.id}/{','.join(products)}"
    titles = {link: f"{scene.id}/{product}" for link, product in zip(links, products)}
    with Sources(catalog) as sources:

        def header(link: str) -> Dict[str, Any]:
            with sources.open(link, titles[link]) as dataset:
                north_up(dataset)
                return header_of(dataset)

        with Workers(max(1, min(len(links), catalog.settings.connections))) as pool:
            headers = list(pool.map(header, links))
        if len({header["crs"] for header in headers}) > 1:
            told = f"The products of {title} lie in different coordinate systems"
            raise RasterAccessError(f"{told}: open them one by one.")
        text = tostring(_stack(scene, products, links, headers, resolution), encoding="unicode")
        dataset: Virtual = open_virtual(catalog, text, title, lambda: text, titles=titles)
    return dataset


def header_of(dataset: Product) -> Dict[str, Any]:
    """Return what the header of an open file says."""
    # In a thread of its own: rasterio 1.5 takes an error that an earlier read has left in this one for a new one.
    with Workers(1) as thread:
        colours = thread.submit(lambda: [colour.name for colour in dataset.colorinterp]).result()
    return {
        "crs": dataset.crs,
        "transform": dataset.transform,
        "bounds": tuple(dataset.bounds),
        "width": dataset.width,
        "height": dataset.height,
        "res": dataset.res,
        "dtypes": dataset.dtypes,
        "nodata": dataset.nodata,
        "blocks": dataset.block_shapes,
        "colours": colours,
        "descriptions": dataset.descriptions,
    }


def vrt(crs: Any, bounds: Bounds, res: Tuple[float, float]) -> Element:
    """Return the root of a VRT over some bounds, which end on whole pixels counted from the upper left."""
    west, south, east, north = bounds
    width, height = max(1, round((east - west) / res[0])), max(1, round((north - south) / res[1]))
    if max(width, height) > _MOST_PIXELS:
        told = f"Of {res[0]:g} × {res[1]:g} there would be {width} × {height} pixels"
        raise RasterAccessError(f"{told}: take larger ones.")
    root = Element("VRTDataset", rasterXSize=str(width), rasterYSize=str(height))
    SubElement(root, "SRS", dataAxisToSRSAxisMapping="1,2").text = crs.to_wkt()
    SubElement(root, "GeoTransform").text = ", ".join(repr(float(n)) for n in (west, res[0], 0, north, 0, -res[1]))
    return root


def vrt_band(root: Element, dtype: str, nodata: Optional[float], colour: str) -> Element:
    """Add a band to a VRT."""
    if dtype not in _TYPES:
        raise RasterAccessError(f"A band of type {dtype} cannot be put together with others: open it by itself.")
    number = len(root.findall("VRTRasterBand")) + 1
    band = SubElement(root, "VRTRasterBand", dataType=_TYPES[dtype], band=str(number))
    if nodata is not None:
        SubElement(band, "NoDataValue").text = repr(nodata)
    SubElement(band, "ColorInterp").text = colour.capitalize()
    return band


def vrt_source(band: Element, name: str, number: int, header: Dict[str, Any], bounds: Bounds, res: Tuple[float, float],
               kind: str = "SimpleSource") -> Element:  # fmt: skip
    """Add a source to a band of a VRT; with its properties said, GDAL opens the file when it is looked at."""
    source = SubElement(band, kind)
    SubElement(source, "SourceFilename", relativeToVRT="0", shared="0").text = name
    SubElement(source, "SourceBand").text = str(number)
    rows, columns = header["blocks"][number - 1]
    size = {"RasterXSize": header["width"], "RasterYSize": header["height"]}
    SubElement(
        source,
        "SourceProperties",
        {key: str(value) for key, value in {**size, "BlockXSize": columns, "BlockYSize": rows}.items()},
        DataType=_TYPES[header["dtypes"][number - 1]],
    )
    west, south, east, north = header["bounds"]
    SubElement(source, "SrcRect", xOff="0", yOff="0", xSize=str(header["width"]), ySize=str(header["height"]))
    place = {
        "xOff": (west - bounds[0]) / res[0],
        "yOff": (bounds[3] - north) / res[1],
        "xSize": (east - west) / res[0],
        "ySize": (north - south) / res[1],
    }
    SubElement(source, "DstRect", {key: repr(float(value)) for key, value in place.items()})
    return source


def _stack(
    scene: Scene,
    products: Sequence[str],
    links: Sequence[str],
    headers: Sequence[Dict[str, Any]],
    resolution: Union[str, float],
) -> Element:
    res = _resolution([header["res"] for header in headers], resolution)
    lefts, lows, rights, tops = zip(*(header["bounds"] for header in headers))
    bounds = (min(lefts), min(lows), max(rights), max(tops))
    root = vrt(headers[0]["crs"], bounds, res)
    for product, link, header in zip(products, links, headers):
        known = LANDSAT.get(product) if scene.scene_type == "landsat" else None
        for number, dtype in enumerate(header["dtypes"], 1):
            colour = known.colour if known else header["colours"][number - 1]
            band = vrt_band(root, dtype, header["nodata"], colour)
            _describe(band, product, known, header["descriptions"][number - 1])
            vrt_source(band, source_name(link), number, header, bounds, res)
    return root


def _describe(band: Element, product: str, known: Optional[Band], description: Optional[str]) -> None:
    SubElement(band, "Description").text = f"{product} ({known.description})" if known else description or product
    if known is not None and known.centre is not None:
        # GDAL's own domain and items for wavelengths, in micrometres (its raster data model, "IMAGERY Domain").
        metadata = SubElement(band, "Metadata", domain="IMAGERY")
        SubElement(metadata, "MDI", key="CENTRAL_WAVELENGTH_UM").text = repr(known.centre)
        SubElement(metadata, "MDI", key="FWHM_UM").text = repr(known.width)


def _resolution(sizes: Sequence[Tuple[float, float]], wanted: Union[str, float]) -> Tuple[float, float]:
    if wanted == "highest":
        return min(sizes)
    if wanted == "lowest":
        return max(sizes)
    try:
        size = float(wanted)
    except ValueError:
        size = 0.0
    if not 0 < size < float("inf"):
        raise RasterAccessError(f"The resolution is {wanted!r}: it takes highest, lowest or a pixel size in metres.")
    return size, size


def _by_number(product: str) -> Tuple[str, int]:
    match = re.fullmatch(r"([^0-9]*)([0-9]{0,9})", product)
    return (match[1], int(match[2] or 0)) if match else (product, 0)
