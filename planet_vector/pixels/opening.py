"""GeoTIFFs of an archive, opened without sidecars.

Everything that GDAL would look for beside a GeoTIFF is left alone: overviews, masks, ``.aux.xml``, world and TAB
files, and the metadata files of satellites. Overviews and masks within the file are used.
"""

from __future__ import annotations

import contextlib
import warnings
from html import escape
from pathlib import Path
from typing import Any, Iterator, Optional, Sequence, Tuple

import rasterio
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import NotGeoreferencedWarning

from planet_vector.pixels.references import check_dataset, check_file
from planet_vector.pixels.sidecars import Place, Point, SidecarProblem

# A raster without a place of its own may have one beside it, and one without any is reported by who needs it.
warnings.filterwarnings("ignore", category=NotGeoreferencedWarning)

OPTIONS = {
    # GDAL takes the folder for one that holds the file alone. It keeps that list with the dataset, so that it holds
    # for what is looked for later, in other threads too.
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_GEOREF_SOURCES": "INTERNAL",
}

_WIDE = ("int64", "uint64")
_TYPES = {
    "uint8": "Byte", "int8": "Int8", "uint16": "UInt16", "int16": "Int16", "uint32": "UInt32", "int32": "Int32",
    "uint64": "UInt64", "int64": "Int64", "float32": "Float32", "float64": "Float64",
    "complex_int16": "CInt16", "complex_int32": "CInt32", "complex64": "CFloat32", "complex128": "CFloat64",
}  # fmt: skip


@contextlib.contextmanager
def open_raster(path: Path, place: Optional[Place] = None) -> Iterator[Any]:
    """Open a GeoTIFF without its sidecars.

    Parameters
    ----------
    path : Path
        The file.
    place : Place, optional
        What `planet_vector.pixels.sidecars.read_place` found, applied with GDAL's precedence: values of the
        ``.aux.xml`` replace those of the file, and a world file is used if there is no other geotransform.

    Yields
    ------
    rasterio.io.DatasetReader
        The file itself, or a virtual dataset over it if `place` changes anything.

    Raises
    ------
    rasterio.errors.RasterioIOError, OSError
        If the file is no GeoTIFF that can be read.
    planet_vector.pixels.references.ReferenceProblem
        If it names another file that GDAL would open.
    SidecarProblem
        If the world file is needed and cannot be read.
    """
    check_file(path)
    with rasterio.Env(**OPTIONS), rasterio.open(path, driver="GTiff") as dataset:
        check_dataset(dataset)
        text = None if place is None else _laid_over(dataset, path, place)
        if text is None:
            yield dataset
        else:
            with rasterio.open(text, driver="VRT") as virtual:
                yield virtual


def _laid_over(dataset: Any, path: Path, place: Place) -> Optional[str]:
    """Return a VRT with the georeference and nodata of a place, or None if that is what the dataset has."""
    points, points_crs = dataset.gcps
    crs = place.crs or next((system.to_wkt() for system in (dataset.crs, points_crs) if system), None)
    control: Sequence[Point] = [Point(p.col, p.row, p.x, p.y) for p in points]
    transform = None if dataset.transform.is_identity else dataset.transform
    if transform is None and not place.points and (place.transform is None or control):
        if place.world_problem:
            raise SidecarProblem(place.world_problem)
        if place.world is not None:  # GDAL prefers it to control points of the file
            transform, control = place.world, ()
    transform = place.transform or transform
    if place.points:
        control, crs = place.points, place.points_crs or crs
    nodata = [
        (place.nodata or {}).get(band, None if dataset.dtypes[band - 1] in _WIDE else value)
        for band, value in enumerate(dataset.nodatavals, 1)
    ]
    if control:  # GDAL gives no CRS for a geotransform then, so that the points alone count
        georeference = f'<GCPList Projection="{escape(crs or "")}">'
        georeference += "".join(
            f'<GCP Id="" Pixel="{p.pixel!r}" Line="{p.line!r}" X="{p.x!r}" Y="{p.y!r}"/>' for p in control
        )
        georeference += "</GCPList>"
    else:
        georeference = "" if crs is None else f"<SRS>{escape(crs)}</SRS>"
        if transform is not None:
            georeference += f"<GeoTransform>{','.join(map(repr, transform.to_gdal()))}</GeoTransform>"
    source = _Source(dataset, path)
    bands = "".join(source.band(band, nodata[band - 1]) for band in dataset.indexes)
    return (
        f'<VRTDataset rasterXSize="{dataset.width}" rasterYSize="{dataset.height}">'
        f"{georeference}{bands}{source.mask()}</VRTDataset>"
    )


class _Source:
    """The bands of a GeoTIFF as XML of a VRT."""

    def __init__(self, dataset: Any, path: Path) -> None:
        self._dataset = dataset
        # A VRT opens its sources late, in any thread. Beside a part of a file GDAL looks for nothing, whatever the
        # options are then.
        self._name = escape(f"/vsisubfile/0,{path}")

    def band(self, number: int, nodata: Any) -> str:
        dataset = self._dataset
        dtype = _TYPES[dataset.dtypes[number - 1]]
        colour = dataset.colorinterp[number - 1]
        return (
            f'<VRTRasterBand dataType="{dtype}" band="{number}">'
            + ("" if nodata is None else f"<NoDataValue>{_text(nodata)}</NoDataValue>")
            + (f"<ColorInterp>{colour.name.title()}</ColorInterp>" if colour != ColorInterp.undefined else "")
            + (self._colours(number) if colour == ColorInterp.palette else "")
            + self._part(str(number), dtype, dataset.block_shapes[number - 1])
            + "</VRTRasterBand>"
        )

    def mask(self) -> str:
        """Return the mask that lies in the file, if any."""
        flags = self._dataset.mask_flag_enums[0]
        # rasterio does not tell nodata values of 64 bit.
        wide = MaskFlags.nodata in flags and self._dataset.dtypes[0] in _WIDE
        if not wide and (MaskFlags.per_dataset not in flags or MaskFlags.alpha in flags):
            return ""
        part = self._part("mask,1", "Byte", self._dataset.block_shapes[0])
        return f'<MaskBand><VRTRasterBand dataType="Byte">{part}</VRTRasterBand></MaskBand>'

    def _colours(self, number: int) -> str:
        table = self._dataset.colormap(number)
        entries = (table.get(value, (0, 0, 0, 255)) for value in range(max(table) + 1))
        return "<ColorTable>{}</ColorTable>".format(
            "".join('<Entry c1="{}" c2="{}" c3="{}" c4="{}"/>'.format(*entry) for entry in entries)
        )

    def _part(self, band: str, dtype: str, block: Tuple[int, int]) -> str:
        width, height = self._dataset.width, self._dataset.height
        whole = f'xOff="0" yOff="0" xSize="{width}" ySize="{height}"'
        return (
            f'<SimpleSource><SourceFilename relativeToVRT="0" shared="0">{self._name}</SourceFilename>'
            f"<SourceBand>{band}</SourceBand>"
            f'<SourceProperties RasterXSize="{width}" RasterYSize="{height}" DataType="{dtype}"'
            f' BlockXSize="{block[1]}" BlockYSize="{block[0]}"/>'
            f"<SrcRect {whole}/><DstRect {whole}/></SimpleSource>"
        )


def _text(value: Any) -> str:
    return repr(value) if isinstance(value, int) else repr(float(value))
