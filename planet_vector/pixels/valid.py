"""Which pixels of a raster are data: the one rule, for footprints, pictures, tiles, crops and cubes.

A pixel is data where both of these hold:

* the raster's mask band says so, if it has one; else its alpha band, wherever it stands, is greater than 0;
* some band besides alpha has a number there: one that is finite, as programs write NaN, and the logarithm of 0, where
  there is nothing, and not the band's nodata value. Integers of a band without such a value always are.

This is GDAL's dataset mask (RFC 15, and `rasterio.io.DatasetReader.dataset_mask`), but that GDAL takes

* one of mask, nodata and alpha for all of it, where a raster has several;
* an alpha band for a mask in rasters of 8 and 16 unsigned bits alone, and as the last of 2 or 4 bands;
* NaN and infinity for data unless they are the nodata value;
* complex numbers for no data whose real part is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Iterable, Iterator, Optional, Sequence, Tuple

import numpy as np

from planet_vector.pixels.header import Band, RasterHeader

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

_AT_ONCE = 16 * 2**20  # bytes of pixels that are read together: of hundreds of bands not all are held


def where_data(
    bands: np.ndarray, header: RasterHeader, mask: Optional[np.ndarray] = None, numbers: Optional[Sequence[int]] = None
) -> np.ndarray:
    """Return which pixels are data.

    Parameters
    ----------
    bands : array, shape (bands, rows, columns)
        Pixels, the alpha band among them if there is one and no mask.
    header : RasterHeader
        Of the raster they are of.
    mask : array, shape (rows, columns), optional
        The mask band, for a raster whose header has ``masked``: 0 where there is no data.
    numbers : sequence of int, optional
        Which bands they are, counted from 1; by default all, in order. Bands that are not among them take no part.

    Returns
    -------
    array of bool, shape (rows, columns)
    """
    numbers = range(1, len(header.bands) + 1) if numbers is None else numbers
    by_number = dict(zip(numbers, bands))
    found = np.ones(bands.shape[1:], bool)
    if mask is not None:
        found &= mask > 0
    elif header.alpha in by_number:
        found &= by_number[header.alpha] > 0
    shown = [number for number in header.shown if number in by_number]
    if shown:
        found &= any_number(((by_number[number], header.bands[number - 1]) for number in shown), found)
    return found


def where_number(band: np.ndarray, said: Band) -> np.ndarray:
    """Return where a band's pixels are finite, and not its nodata value."""
    nodata, integer = said.nodata, band.dtype.kind in "iub"
    if nodata is None or not np.isfinite(nodata):
        return np.ones(band.shape, bool) if integer else np.asarray(np.isfinite(band))
    if integer:
        return np.asarray(band != nodata)
    # GDAL's ARE_REAL_EQUAL of gdal_priv_templates.hpp, which takes what was rounded on its way through text for nodata:
    # within two of the last places of 32 bits, in the band's own type, whose sums of its largest numbers are infinite.
    value = band.dtype.type(nodata)
    with np.errstate(over="ignore", invalid="ignore"):
        near = np.abs(band - value) < np.abs(band + value) * np.float32(2 * np.finfo("float32").eps)
    return np.asarray(np.isfinite(band) & (band != value) & ~near)


def read_data_mask(dataset: DatasetReader, header: RasterHeader, **reading: Any) -> np.ndarray:
    """Read which pixels of a raster are data.

    Parameters
    ----------
    dataset : rasterio.io.DatasetReader
        The raster.
    header : RasterHeader
        Its header.
    **reading
        ``window``, ``out_shape`` (rows, columns) and ``resampling``, as `rasterio.io.DatasetReader.read_masks` takes
        them. Means of what is no data are numbers like any others: only pixels that are picked can be told by values.

    Returns
    -------
    array of bool, shape (rows, columns)
    """
    numbers = _telling(header)
    found: Optional[np.ndarray] = None
    if header.masked:
        found = dataset.read_masks(1, **reading) > 0
    elif header.alpha is not None:
        found = dataset.read(header.alpha, **reading) > 0
    elif not numbers:
        # GDAL gives the mask of a band that is data everywhere unread, and knows the shape of what was asked for.
        plain = next(number for number in header.shown if not has_holes(header.bands[number - 1]))
        found = np.ones(dataset.read_masks(plain, **reading).shape, bool)
    if numbers:
        told = any_number(_read(dataset, header, numbers, reading), found)
        found = told if found is None else found & told
    return np.asarray(found)


def needed(header: RasterHeader) -> Sequence[int]:
    """Return the bands, counted from 1, that have to be read to know where data is, besides a mask band.

    There are none where every pixel is data, or the mask alone tells.
    """
    alpha = None if header.masked else header.alpha
    return [*_telling(header), *([alpha] if alpha else ())]


def _telling(header: RasterHeader) -> Sequence[int]:
    """Return the bands whose values may stand for no data, all besides alpha; none where those of one cannot."""
    return header.shown if all(has_holes(header.bands[number - 1]) for number in header.shown) else ()


def has_holes(said: Band) -> bool:
    """Tell whether values of a band can stand for no data: it has a nodata value, or can hold NaN."""
    return said.nodata is not None or said.dtype.startswith(("float", "complex"))


def _read(
    dataset: DatasetReader, header: RasterHeader, numbers: Sequence[int], reading: Dict[str, Any]
) -> Iterator[Tuple[np.ndarray, Band]]:
    """Yield bands with what is said of them, few at once."""
    first = dataset.read(numbers[0], **reading)
    yield first, header.bands[numbers[0] - 1]
    step = max(1, _AT_ONCE // max(1, first.nbytes))
    for at in range(1, len(numbers), step):
        some = numbers[at : at + step]
        if reading.get("out_shape") is not None:
            reading = {**reading, "out_shape": (len(some), *first.shape)}
        yield from zip(dataset.read(some, **reading), (header.bands[number - 1] for number in some))


def any_number(bands: Iterable[Tuple[np.ndarray, Band]], where: Optional[np.ndarray] = None) -> np.ndarray:
    """Return where any of the bands has a number, known at those pixels only that `where` has."""
    found: Optional[np.ndarray] = None
    for band, said in bands:
        more = where_number(band, said)
        found = more if found is None else found | more
        if (found if where is None else found | ~where).all():
            break
    return np.asarray(found)
