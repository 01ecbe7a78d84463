"""Find where the blocks of an image in a file lie, and which other images are its overviews."""

from __future__ import annotations

from typing import Any, Callable, Dict, List

from rasterio.enums import Interleaving, MaskFlags
from rasterio.errors import RasterioIOError

from planet_vector.pixels.header import RasterHeader
from planet_vector.raster.byte_ranges import ranges_of_blocks
from planet_vector.raster.gdal_options import MOUNTED, Options
from planet_vector.raster.headers import header_of
from planet_vector.raster.product import opened
from planet_vector.raster.rasterio_warnings import unplaced
from planet_vector.raster.remote_file import RemoteFile
from planet_vector.raster.spans import Range
from planet_vector.raster.vrt_reads import ALL, Asked

MOST_IMAGES = 64
"""Most images of one file that are examined: its overviews, their masks."""


class Image:
    """Image of a file, open for its tables of blocks until `close`.

    Parameters
    ----------
    file : RemoteFile
        The file.
    name : str
        GDAL name of the image; for the first one the name of the file, through which its overviews are visible.
    """

    def __init__(self, file: RemoteFile, name: str) -> None:
        self.file, self._name = file, name
        self._levels: Dict[int, Any] = {}
        with unplaced:
            self._dataset = opened(name, Options(MOUNTED))
        self._dataset.overviews(1)  # reads their positions now

    @property
    def holds_bands_together(self) -> bool:
        """Whether each block contains all bands."""
        return bool(self._dataset.interleaving == Interleaving.pixel)

    def ranges(self, part: Asked) -> List[Range]:
        """Return the byte ranges that a read needs.

        Parameters
        ----------
        part : Asked
            What to read.

        Returns
        -------
        list of (int, int)
            First byte of each block, and the one after its last.
        """
        bands = self._bands(part.number)
        if not bands:
            return []
        return ranges_of_blocks(self._dataset, self._level, bands, part.window, part.shape, part.resampling)

    @property
    def header(self) -> RasterHeader:
        """Header of the image."""
        return header_of(self._dataset)

    def overviews(self, named: Callable[[int], str]) -> List[int]:
        """Return the numbers of the images that are overviews of this one, or an empty list if some are missing.

        Parameters
        ----------
        named : callable
            Returns the GDAL name of an image, by its number in the file.
        """
        wanted = [self._level(level).shape for level in range(len(self._dataset.overviews(1)))]
        pages = {int(name.split(":")[1]) for name in self._dataset.subdatasets}
        found: List[int] = []
        for number in range(2, MOST_IMAGES + 1):
            if len(found) == len(wanted):
                return found
            if number in pages:
                continue
            try:
                with unplaced:
                    image = opened(named(number), Options(MOUNTED))
            except RasterioIOError:
                break
            with image:
                # Masks of multi-band overviews have one band; those of single-band overviews are recognised by type and
                # colour.
                kinds = image.colorinterp == self._dataset.colorinterp, image.dtypes == self._dataset.dtypes
                if image.shape in wanted and image.count == self._dataset.count and all(kinds):
                    found.append(number)
        return []

    def close(self) -> None:
        """Close the image and its overviews."""
        for dataset in (self._dataset, *self._levels.values()):
            dataset.close()

    def _bands(self, number: Any) -> List[int]:
        if isinstance(number, int):
            return [number]
        if number == ALL:
            return list(self._dataset.indexes)
        band = int(number.split(",")[1])
        flags = self._dataset.mask_flag_enums[band - 1]
        if MaskFlags.alpha in flags:
            return [self._dataset.count]
        return [band] if MaskFlags.nodata in flags else []

    def _level(self, overview: int) -> Any:
        if overview not in self._levels:
            with unplaced:
                self._levels[overview] = opened(self._name, Options(MOUNTED), overview_level=overview)
        return self._levels[overview]
