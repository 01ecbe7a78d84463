"""The header of a raster: size, georeference, and bands."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Dict, Mapping, NamedTuple, Optional, Tuple

from rasterio.crs import CRS
from rasterio.errors import CRSError
from rasterio.io import DatasetReader

from planet_vector.server.archive.media_types import COG, GEOTIFF, TIFF


class RasterInfo(NamedTuple):
    """Header of a raster.

    Attributes
    ----------
    rows, columns : int
        Size.
    data_type : str
        Type of its values, as numpy names it.
    bands : int
        Number of its bands.
    crs : str
        ``EPSG:`` and a number, else WKT; empty without one. That of the control points if it is placed by them.
    transform : tuple of float
        Geotransform: the coefficients a, b, c, d, e, f of `affine.Affine`; empty without one.
    nodata : float or None
        Value of pixels without data of the first band.
    descriptions, colours : tuple of str
        Description (may be empty) and colour interpretation (``red``, ``alpha``) of each band.
    is_cog : bool
        Whether it is a cloud-optimized GeoTIFF.
    """

    rows: int
    columns: int
    data_type: str
    bands: int
    crs: str = ""
    transform: Tuple[float, ...] = ()
    nodata: Optional[float] = None
    descriptions: Tuple[str, ...] = ()
    colours: Tuple[str, ...] = ()
    is_cog: bool = False

    @classmethod
    def of(cls, dataset: DatasetReader) -> RasterInfo:
        """Return the header of an open raster.

        Parameters
        ----------
        dataset : rasterio.io.DatasetReader
            The raster.
        """
        crs = dataset.crs or dataset.gcps[1]
        return cls(
            dataset.height,
            dataset.width,
            dataset.dtypes[0],
            dataset.count,
            _crs_text(crs.to_wkt()) if crs else "",
            () if dataset.transform.is_identity else tuple(dataset.transform)[:6],
            dataset.nodata,
            tuple(text or "" for text in dataset.descriptions),
            tuple(colour.name for colour in dataset.colorinterp),
            dataset.get_tag_item("LAYOUT", "IMAGE_STRUCTURE") == "COG",
        )

    @classmethod
    def of_json(cls, said: Mapping[str, object]) -> RasterInfo:
        """Return the header that `to_json` wrote.

        Parameters
        ----------
        said : mapping
            A JSON object.
        """
        given: Any = {name: tuple(value) if isinstance(value, list) else value for name, value in said.items()}
        return cls(**given)

    def to_json(self) -> Dict[str, object]:
        """Return the header as a JSON object, in which `nodata` may be NaN or infinite."""
        return {name: value for name, value in self._asdict().items() if value != self._field_defaults.get(name)}

    @property
    def product(self) -> str:
        """The product name assumed for a bare raster."""
        return "visual" if self.data_type == "uint8" and self.bands in (3, 4) else "analytic"

    @property
    def media_type(self) -> str:
        """The media type of a TIFF."""
        if not self.crs:
            return TIFF
        return COG if self.is_cog else GEOTIFF


@lru_cache(maxsize=64)
def _crs_text(wkt: str) -> str:
    try:
        crs = CRS.from_wkt(wkt)
        code = crs.to_epsg()
        return f"EPSG:{code}" if code else wkt
    except CRSError:
        return wkt
