"""Items with the facts of archives whose items are not recorded here: assets, coordinate systems, bands, nodata.

Each source is an item that the archive, or the maintainers of its metadata, published as an example. The structure of
the item and the values are those of the source; geometries, texts and addresses of files are made, unless their kind
matters (``s3://``).
"""

from __future__ import annotations

from typing import Any, Dict, NamedTuple, Optional, Sequence, Tuple

Item = Dict[str, Any]

COG = "image/tiff; application=geotiff; profile=cloud-optimized"
_FORMER_COG = "image/vnd.stac.geotiff; cloud-optimized=true"
_EXTENSIONS = "https://stac-extensions.github.io/"


class File(NamedTuple):
    """Asset: its type and roles, names and common names of its bands, its values, and its own place."""

    kind: str
    roles: Sequence[str] = ()
    bands: Sequence[Tuple[str, str]] = ()
    values: Sequence[Dict[str, Any]] = ()
    transform: Optional[Sequence[float]] = None
    address: str = "https://files.example/"


class Archive(NamedTuple):
    """Item of an archive, and where it was found."""

    provider: str
    source: str
    collection: str
    item: str
    version: str
    epsg: int
    transform: Optional[Sequence[float]]
    times: Dict[str, Any]
    files: Dict[str, File]


_AWFI, _PLANET = "s3://cbers-pds/CBERS4/AWFI/001/027/", "https://storage.googleapis.com/pdd-stac/"
_YEAR = {"datetime": None, "start_datetime": "2021-01-01T00:00:00Z", "end_datetime": "2021-12-31T23:59:59Z"}
_COUNTS = {"nodata": -1, "sampling": "area", "data_type": "int16", "spatial_resolution": 60}
_CLASSES = {"nodata": 0, "sampling": "area", "data_type": "uint8"}

ARCHIVES: Sequence[Archive] = (
    Archive(
        "INPE, AMS Kepler",
        "github.com/fredliporace/cbers-2-stac, test/fixtures, CBERS_4_AWFI_20210819_001_027_L2.json",
        "CBERS4-AWFI", "CBERS_4_AWFI_20210819_001_027_L2", "1.0.0", 32653, None, {"datetime": "2021-08-19T03:00:43Z"},
        {
            "thumbnail": File("image/jpeg"),
            "metadata": File("text/xml", address=_AWFI),
            "B13": File(COG, (), [("B13", "blue")], address=_AWFI),
            "B14": File(COG, (), [("B14", "green")], address=_AWFI),
            "B15": File(COG, (), [("B15", "red")], address=_AWFI),
            "B16": File(COG, (), [("B16", "nir")], address=_AWFI),
        },
    ),
    Archive(
        "ESA WorldCover",
        "github.com/stactools-packages/esa-worldcover, examples, ESA_WorldCover_10m_2021_v200_N00E006.json",
        "esa-worldcover", "ESA_WorldCover_10m_2021_v200_N00E006", "1.0.0", 4326, None, _YEAR,
        {
            "map": File(
                COG, ["data"], values=[{**_CLASSES, "spatial_resolution": 10}],
                transform=[8.333333333333333e-05, 0.0, 6.0, 0.0, -8.333333333333333e-05, 3.0],
            ),
            "input_quality": File(
                COG, ["metadata"], values=[_COUNTS] * 3, transform=[0.0005, 0.0, 6.0, 0.0, -0.0005, 3.0]
            ),
        },
    ),
    Archive(
        "Natural Resources Canada",
        "github.com/stactools-packages/nrcan-landcover, examples, example2015_cog.json",
        "nrcan-landcover", "example2015", "1.0.0", 3978, [30.0, 0.0, -1494020.0, 0.0, -30.0, 730499.9999999999],
        {"datetime": "2015-01-01T00:00:00Z"},
        {
            "metadata": File("application/json", ["metadata"]),
            "extent": File("application/geo+json", ["extent"]),
            "landcover": File(
                COG, ["data", "labels", "labels-raster"], values=[{**_CLASSES, "spatial_resolution": 30}],
                transform=[30.0, 0.0, -1494020.0, 0.0, -30.0, 730499.9999999999, 0.0, 0.0, 1.0],
            ),
        },
    ),
    Archive(
        "USDA National Agricultural Statistics Service",
        "github.com/stactools-packages/usda-cdl, examples, cropland_2021_-106095_1807575_15000.json",
        "usda-cdl", "cropland_2021_-106095_1807575_15000", "1.0.0", 5070,
        [30.0, 0.0, -106095.0, 0.0, -30.0, 1807605.0], _YEAR,
        {"cropland": File(COG)},
    ),
    Archive(
        "Joint Research Centre",
        "github.com/stactools-packages/jrc-gsw, examples, jrc_gsw_aggregated/0000360000-0000480000.json",
        "jrc_gsw_aggregated", "0000360000-0000480000", "1.0.0", 4326, [0.00025, 0.0, -55.75, 0.0, -0.00025, -15.0],
        {"datetime": None, "start_datetime": "1984-03-01T00:00:00Z", "end_datetime": "2020-12-31T11:59:59Z"},
        {
            name: File(COG, ["data"], values=[{"sampling": "area", "data_type": "uint8"}])
            for name in ("seasonality", "occurrence", "change", "recurrence", "transitions", "extent")
        },
    ),
    Archive(
        "Planet Disaster Data",
        "github.com/stac-utils/pystac, tests/data-files/catalogs, 20170831_172754_101c.json",
        "planet-disaster-data", "20170831_172754_101c", "1.0.0-rc.3", 32615, None,
        {"datetime": "2017-08-31T17:27:54.960530Z"},
        {
            "thumbnail": File("image/png", ["thumbnail"], address=_PLANET),
            "analytic": File(_FORMER_COG, ["data"], address=_PLANET),
            "analytic_xml": File("text/xml", ["metadata"], address=_PLANET),
            "udm": File(_FORMER_COG, ["udm"], address=_PLANET),
            "visual": File(_FORMER_COG, ["visual"], address=_PLANET),
        },
    ),
)  # fmt: skip


def item_of(archive: Archive) -> Item:
    """Return the item of an archive."""
    assets: Dict[str, Item] = {}
    for name, file in archive.files.items():
        asset: Item = {"href": f"{file.address}{archive.item}_{name}.tif", "type": file.kind}
        if file.roles:
            asset["roles"] = list(file.roles)
        if file.bands:
            asset["eo:bands"] = [{"name": band, "common_name": common} for band, common in file.bands]
        if file.values:
            asset["raster:bands"] = [dict(values) for values in file.values]
        if file.transform:
            asset["proj:transform"] = list(file.transform)
        assets[name] = asset
    properties = {**archive.times, "proj:epsg": archive.epsg, "providers": [{"name": archive.provider}]}
    if archive.transform:
        properties["proj:transform"] = list(archive.transform)
    return {
        "type": "Feature",
        "stac_version": archive.version,
        "stac_extensions": [f"{_EXTENSIONS}{name}/v1.0.0/schema.json" for name in ("eo", "projection", "raster")],
        "id": archive.item,
        "collection": archive.collection,
        "geometry": {"type": "Polygon", "coordinates": [[[6, 0], [9, 0], [9, 3], [6, 3], [6, 0]]]},
        "bbox": [6, 0, 9, 3],
        "properties": properties,
        "links": [],
        "assets": assets,
    }
