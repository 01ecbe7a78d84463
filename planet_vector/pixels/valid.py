"""Determine the valid pixels of a raster, by one rule for footprints, pictures, tiles, crops and cubes.

A pixel is valid if both conditions hold:

* the raster's mask band is not 0, if it has one; otherwise its alpha band, in any position, is greater than 0;
* at least one band besides alpha has a valid number there: a finite one, as programs write NaN and the logarithm of 0
  for nodata, that differs from the band's nodata value. Integers of a band without a nodata value are always valid.

This is GDAL's dataset mask (RFC 15, and `rasterio.io.DatasetReader.dataset_mask`), except that GDAL takes

* only one of mask, nodata and alpha if a raster has several;
* an alpha band as a mask only in rasters of 8 and 16 unsigned bits, and as the last of 2 or 4 bands;
* NaN and infinity as valid unless they are the nodata value;
* complex numbers as nodata if their real part is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Iterable, Iterator, Optional, Sequence, Tuple

import numpy as np

from planet_vector.pixels.header import Band, RasterHeader

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

_AT_ONCE = 16 * 2**20  # bytes of pixels read at once, to bound memory for hundreds of bands


def where_data(
    bands: np.ndarray, header: RasterHeader, mask: Optional[np.ndarray] = None, numbers: Optional[Sequence[int]] = None
) -> np.ndarray:
    """Return which pixels are valid.

    Parameters
    ----------
    bands : array, shape (bands, rows, columns)
        Pixels, including the alpha band if there is one and no mask.
    header : RasterHeader
        Header of the raster.
    mask : array, shape (rows, columns), optional
        The mask band, for a raster whose header has ``masked``: 0 for nodata.
    numbers : sequence of int, optional
        Numbers of the given bands, counted from 1; by default all, in order. Other bands are ignored.

    Returns
    -------
    array of bool, shape (rows, columns)
        True for valid pixels.
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
    """Return where a band's pixels are finite and differ from its nodata value.

    Parameters
    ----------
    band : numpy.ndarray
        Pixels, in any shape.
    said : Band
        Header of the band.

    Returns
    -------
    array of bool
        In the shape of the pixels.
    """
    nodata, integer = said.nodata, band.dtype.kind in "iub"
    if nodata is None or not np.isfinite(nodata):
        return np.ones(band.shape, bool) if integer else np.asarray(np.isfinite(band))
    if integer:
        return np.asarray(band != nodata)
    # GDAL's ARE_REAL_EQUAL of gdal_priv_templates.hpp, which also matches a nodata value that was rounded in a text:
    # within two units in the last place of 32 bits, in the band's own type, in which sums of the largest numbers are
    # infinite.
    value = band.dtype.type(nodata)
    with np.errstate(over="ignore", invalid="ignore"):
        near = np.abs(band - value) < np.abs(band + value) * np.float32(2 * np.finfo("float32").eps)
    return np.asarray(np.isfinite(band) & (band != value) & ~near)


def read_data_mask(dataset: DatasetReader, header: RasterHeader, **reading: Any) -> np.ndarray:
    """Read which pixels of a raster are valid.

    Parameters
    ----------
    dataset : rasterio.io.DatasetReader
        The raster.
    header : RasterHeader
        Its header.
    **reading
        ``window``, ``out_shape`` (rows, columns) and ``resampling``, as for `rasterio.io.DatasetReader.read_masks`.
        With nodata given by values, only nearest neighbour resampling is meaningful, as averages of nodata look like
        data.

    Returns
    -------
    array of bool, shape (rows, columns)
        True for valid pixels.
    """
    numbers = _telling(header)
    found: Optional[np.ndarray] = None
    if header.masked:
        found = dataset.read_masks(1, **reading) > 0
    elif header.alpha is not None:
        found = dataset.read(header.alpha, **reading) > 0
    elif not numbers:
        # GDAL returns the mask of a completely valid band without reading pixels, and computes the shape of the result.
        plain = next(number for number in header.shown if not has_holes(header.bands[number - 1]))
        found = np.ones(dataset.read_masks(plain, **reading).shape, bool)
    if numbers:
        told = any_number(_read(dataset, header, numbers, reading), found)
        found = told if found is None else found & told
    return np.asarray(found)


def needed(header: RasterHeader) -> Sequence[int]:
    """Return the bands, counted from 1, that are needed to find the valid pixels, besides a mask band.

    There are none if every pixel is valid, or the mask alone decides.

    Parameters
    ----------
    header : RasterHeader
        Header of the raster.
    """
    alpha = None if header.masked else header.alpha
    return [*_telling(header), *([alpha] if alpha else ())]


def _telling(header: RasterHeader) -> Sequence[int]:
    """Return all bands besides alpha if each can contain nodata; none if one is valid everywhere."""
    return header.shown if all(has_holes(header.bands[number - 1]) for number in header.shown) else ()


def has_holes(said: Band) -> bool:
    """Return whether a band can contain nodata: it has a nodata value, or its type includes NaN.

    Parameters
    ----------
    said : Band
        Header of the band.
    """
    return said.nodata is not None or said.dtype.startswith(("float", "complex"))


def _read(
    dataset: DatasetReader, header: RasterHeader, numbers: Sequence[int], reading: Dict[str, Any]
) -> Iterator[Tuple[np.ndarray, Band]]:
    """Yield bands with their headers, reading few at once."""
    first = dataset.read(numbers[0], **reading)
    yield first, header.bands[numbers[0] - 1]
    step = max(1, _AT_ONCE // max(1, first.nbytes))
    for at in range(1, len(numbers), step):
        some = numbers[at : at + step]
        if reading.get("out_shape") is not None:
            reading = {**reading, "out_shape": (len(some), *first.shape)}
        yield from zip(dataset.read(some, **reading), (header.bands[number - 1] for number in some))


def any_number(bands: Iterable[Tuple[np.ndarray, Band]], where: Optional[np.ndarray] = None) -> np.ndarray:
    """Return where any of the bands has a valid number; the result is only meaningful where `where` is True.

    Parameters
    ----------
    bands : iterable of (numpy.ndarray, Band)
        Pixels and header of each band; consumed only as far as needed.
    where : array of bool, optional
        Pixels of interest; by default all.

    Returns
    -------
    array of bool
        In the shape of a band.
    """
    found: Optional[np.ndarray] = None
    for band, said in bands:
        more = where_number(band, said)
        found = more if found is None else found | more
        if (found if where is None else found | ~where).all():
            break
    return np.asarray(found)
