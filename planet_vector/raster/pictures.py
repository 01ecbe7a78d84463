"""Make quick looks: pictures of any part of a product, read in place."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Optional, Tuple

from planet_vector.geometry.boxes import Bounds, Box

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

    from planet_vector.pixels.header import RasterHeader


def picture_of(
    dataset: DatasetReader, bbox: Optional[Tuple[float, float, float, float]] = None, width: int = 1024
) -> bytes:
    """Return a picture of a part of an open product, as PNG, with a contrast stretch unless it is 8-bit.

    Parameters
    ----------
    dataset : rasterio.io.DatasetReader
        The product.
    bbox : (west, south, east, north), optional
        In degrees; by default all of the product. Only this part is read.
    width : int
        Most columns of the picture.

    Returns
    -------
    bytes
        An RGBA image; nodata is transparent.

    Raises
    ------
    RasterAccessError
        If the box does not intersect the product.
    """
    import numpy
    from rasterio.windows import Window

    from planet_vector.pixels.valid import needed, where_data
    from planet_vector.raster.geotiff import window_of
    from planet_vector.raster.headers import header_of

    window = Window(0, 0, dataset.width, dataset.height) if bbox is None else window_of(dataset, Box(*bbox))
    scale = min(1.0, width / window.width)
    shape = (max(1, round(window.height * scale)), max(1, round(window.width * scale)))
    header = header_of(dataset)
    shown = _colours(header)
    bands = sorted({*shown, *needed(header)})
    read = dataset.read(bands, window=window, out_shape=(len(bands), *shape))
    own = dataset.read_masks(1, window=window, out_shape=shape) if header.masked else None
    seen = where_data(read, header, own, bands)
    pixels = read[[bands.index(number) for number in shown]]
    table = header.bands[shown[0] - 1].table
    if table:
        from planet_vector.pixels.colormap import looked_up

        pixels = looked_up(pixels[0], table)
    elif pixels.dtype != numpy.uint8:
        if numpy.iscomplexobj(pixels):
            pixels = abs(pixels)
        seen &= numpy.isfinite(pixels).all(axis=0)
        pixels = _stretched(pixels, seen)
    if len(pixels) == 1:
        pixels = numpy.repeat(pixels, 3, axis=0)
    opaque = numpy.where(seen, 255, 0).astype("uint8")
    if header.alpha in bands and not header.masked and read.dtype == numpy.uint8:
        opaque = numpy.minimum(opaque, read[bands.index(header.alpha)])
    return png(numpy.concatenate([pixels, opaque[numpy.newaxis]]))


def mercator_picture(dataset: DatasetReader, width: int = 512) -> Tuple[bytes, Bounds]:
    """Return a picture of an open product in web mercator, as web maps lay it over the ground.

    Parameters
    ----------
    dataset : rasterio.io.DatasetReader
        The product.
    width : int
        Most columns, and rows, of the picture.

    Returns
    -------
    bytes
        An RGBA image as PNG; transparent outside the product.
    (west, south, east, north)
        Its bounds in degrees; longitudes may exceed ±180.

    Raises
    ------
    RasterAccessError
        If the product has no transform, or reaches beyond web mercator.
    """
    import numpy
    from affine import Affine
    from rasterio.io import MemoryFile
    from rasterio.warp import Resampling, reproject

    from planet_vector.geometry.web_mercator import to_degrees
    from planet_vector.raster.placed import north_up
    from planet_vector.raster.rasterio_warnings import unplaced
    from planet_vector.raster.warping import warped_bounds

    grid = north_up(dataset)
    # GDAL warps the reduced picture: of twice the size, as its pixels are moved by up to half of one.
    with unplaced, MemoryFile(picture_of(dataset, width=2 * width)) as memory, memory.open() as reduced:
        source = reduced.read()
    west, south, east, north = warped_bounds(grid.crs, "EPSG:3857", grid.bounds)
    step = max(east - west, north - south) / width
    columns, rows = max(1, round((east - west) / step)), max(1, round((north - south) / step))
    target = numpy.zeros((4, rows, columns), "uint8")
    with unplaced:  # arrays have no georeference of their own
        reproject(
            source,
            target,
            src_transform=Affine(*grid.resized(source.shape[2], source.shape[1]).transform),
            src_crs=grid.crs,
            dst_transform=Affine((east - west) / columns, 0, west, 0, (south - north) / rows, north),
            dst_crs="EPSG:3857",
            resampling=Resampling.nearest,
        )
    return png(target), (*to_degrees(west, south), *to_degrees(east, north))


def png(pixels: Any) -> bytes:
    """Return an array (bands, rows, columns) of 3 or 4 bands of 8 bits as a PNG file.

    Parameters
    ----------
    pixels : numpy.ndarray
        RGB or RGBA, uint8.

    Returns
    -------
    bytes
    """
    from rasterio.io import MemoryFile

    from planet_vector.raster.rasterio_warnings import unplaced

    count, height, width = pixels.shape
    with unplaced, MemoryFile() as memory:
        with memory.open(driver="PNG", width=width, height=height, count=count, dtype="uint8") as file:
            file.write(pixels)
        return io.BytesIO(memory.read()).getvalue()


def _colours(header: RasterHeader) -> Tuple[int, ...]:
    """Return the bands of a picture: red, green, blue if the file specifies them, else by the order of products."""
    names = [colour.name for colour in header.colours]
    if all(colour in names for colour in ("red", "green", "blue")):
        return tuple(names.index(colour) + 1 for colour in ("red", "green", "blue"))
    plain = [number for number, name in enumerate(names, 1) if name != "alpha"]
    # Analytic products: blue, green, red, then longer wavelengths (specification; RapidEye's product guide).
    return (plain[2], plain[1], plain[0]) if len(plain) >= 3 else (plain[0],)


def _stretched(pixels: Any, valid: Any) -> Any:
    """Return pixels in 8 bits, each band stretched from its 2nd to its 98th percentile, then brightened by a root."""
    import numpy

    out = numpy.zeros(pixels.shape, "uint8")
    for band, target in zip(pixels, out):
        if valid.any():
            low, high = numpy.percentile(band[valid], (2, 98))
            # Land is dark beside clouds: without the root a scene with both is black and white.
            share = (numpy.where(valid, band, low).astype(float) - low) / max(high - low, 1e-9)
            target[:] = (255 * numpy.clip(share, 0, 1) ** 0.5).astype("uint8")
    return out
