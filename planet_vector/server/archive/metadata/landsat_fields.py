"""Fields of a Landsat scene: by its metadata file (MTL), and by its id."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Dict, Mapping, NamedTuple, Optional, Tuple

from planet_vector.server.archive.fields import SceneFields, direction_or_none, number_or_none, time_or_none
from planet_vector.server.archive.metadata.mtl import Groups, value
from planet_vector.server.archive.metadata.outline import outline_of

_BEFORE = r"L(?P<letter>[COTEM])(?P<number>[1-9])(?P<path>\d{3})(?P<row>\d{3})(?P<day>\d{7})[A-Z]{3}\d\d"
_COLLECTION = (
    r"L(?P<letter_>[COTEM])0(?P<number_>[1-9])_L(?P<level>[12])[A-Z]{2}_(?P<path_>\d{3})(?P<row_>\d{3})"
    r"_(?P<date>\d{8})_\d{8}_0(?P<collection>[12])_(?:RT|T1|T2)"
)
ID = f"(?:{_BEFORE}|{_COLLECTION})"
"""Regular expression of an id, in upper case: the scene id before collections, the product id since."""

ON_DEMAND_END = "_SR"
"""End of the ids of scenes of level 2 that were made on demand, whose files have the id of level 1."""

_ID = re.compile(f"{ID}(?P<on_demand>{ON_DEMAND_END})?", re.ASCII)
_CONTENTS = ("PRODUCT_CONTENTS", "PRODUCT_METADATA")
_IMAGE = ("IMAGE_ATTRIBUTES", "PRODUCT_METADATA")
_PROJECTION = ("PROJECTION_ATTRIBUTES", "PROJECTION_PARAMETERS")
_CORNERS = ("PROJECTION_ATTRIBUTES", "PRODUCT_METADATA")


class LandsatId(NamedTuple):
    """Sensor, place and day that the id of a scene states.

    Attributes
    ----------
    letter : str
        The sensor, as in `planet_vector.bands.landsat.sensor_bands`.
    satellite, level : int
        Number of the satellite, 1 to 9, and level of processing, 1 or 2.
    collection : int
        Number of the collection; 0 before collections.
    path, row : int
        Place in the Worldwide Reference System.
    day : datetime.datetime or None
        Day of acquisition at 00:00 UTC; None if the digits are not a date.
    """

    letter: str
    satellite: int
    level: int
    collection: int
    path: int
    row: int
    day: Optional[datetime]

    @classmethod
    def of(cls, scene_id: str) -> LandsatId:
        """Return what an id states.

        Parameters
        ----------
        scene_id : str
            An id that matches `ID`, or such with `ON_DEMAND_END`.
        """
        match = _ID.fullmatch(scene_id)
        assert match
        found = match.groupdict()
        if found["day"]:
            day, form = found["day"], "%Y%j"
            level = 2 if found["on_demand"] else 1
            numbers = found["letter"], int(found["number"]), level, 0, int(found["path"]), int(found["row"])
        else:
            day, form = found["date"], "%Y%m%d"
            level, place = 2 if found["on_demand"] else int(found["level"]), (int(found["path_"]), int(found["row_"]))
            numbers = found["letter_"], int(found["number_"]), level, int(found["collection"]), *place
        try:
            return cls(*numbers, datetime.strptime(day, form).replace(tzinfo=timezone.utc))
        except ValueError:
            return cls(*numbers, None)

    @property
    def names(self) -> Tuple[str, str]:
        """Item type and collection."""
        collection = f"c{self.collection}-" if self.collection else ""
        item_type = f"Landsat{self.satellite}L1G" if self.level == 1 else f"Landsat{self.satellite}L2"
        return item_type, f"landsat-{collection}l{self.level}"


def stated_fields(groups: Groups) -> SceneFields:
    """Return the fields that the MTL states.

    Parameters
    ----------
    groups : mapping
        Result of `planet_vector.server.archive.metadata.mtl.parse_mtl`.
    """

    def image(key: str) -> Optional[str]:
        return value(groups, key, *_IMAGE)

    cloud = number_or_none(image("CLOUD_COVER"))
    level = value(groups, "PROCESSING_LEVEL", *_CONTENTS) or value(groups, "DATA_TYPE", *_CONTENTS)
    scene = value(groups, "LANDSAT_SCENE_ID", "METADATA_FILE_INFO", "LEVEL1_PROCESSING_RECORD")
    product = value(groups, "LANDSAT_PRODUCT_ID", "METADATA_FILE_INFO", "PRODUCT_CONTENTS")
    land = number_or_none(image("CLOUD_COVER_LAND"))
    date, clock = image("DATE_ACQUIRED"), image("SCENE_CENTER_TIME")
    stac = {
        "landsat:scene_id": scene,
        "landsat:correction": level,
        "landsat:cloud_cover_land": land if land is not None and land >= 0 else None,
        "landsat:wrs_type": image("WRS_TYPE"),
    }
    return SceneFields(
        acquired=time_or_none(f"{date}T{clock}") if date and clock else time_or_none(date),
        published=time_or_none(value(groups, "FILE_DATE", "METADATA_FILE_INFO"))
        or time_or_none(
            value(groups, "DATE_PRODUCT_GENERATED", "LEVEL2_PROCESSING_RECORD", "LEVEL1_PROCESSING_RECORD")
        ),
        cloud_percent=cloud if cloud is not None and cloud >= 0 else None,
        instrument=image("SENSOR_ID"),
        off_nadir=number_or_none(image("ROLL_ANGLE")),
        sun_elevation=number_or_none(image("SUN_ELEVATION")),
        sun_azimuth=direction_or_none(image("SUN_AZIMUTH")),
        gsd=number_or_none(value(groups, "GRID_CELL_SIZE_REFLECTIVE", *_PROJECTION)),
        v0={"landsat": _present({"data_type": level, "scene_id": scene})},
        v1=_present({"data_type": level, "product_id": product or scene}),
        stac=_present(stac),
    )


def named_fields(told: LandsatId) -> SceneFields:
    """Return the fields that the id states.

    Parameters
    ----------
    told : LandsatId
        The id.
    """
    stac = {
        "platform": f"landsat-{told.satellite}",
        "landsat:wrs_path": f"{told.path:03}",
        "landsat:wrs_row": f"{told.row:03}",
        "landsat:collection_number": f"{told.collection:02}" if told.collection else None,
    }
    return SceneFields(
        acquired=told.day,
        gsd=60.0 if told.letter == "M" else 30.0,
        satellite=f"Landsat{told.satellite}",
        provider="usgs",
        v0={
            "landsat": {"path": told.path, "row": told.row},
            "provider": "landsat",
            "sat": {"id": f"LANDSAT_{told.satellite}"},
        },
        v1={
            "wrs_path": told.path,
            "wrs_row": told.row,
            **({"collection": str(told.collection)} if told.collection else {}),
        },
        stac=_present(stac),
    )


def grid_outline(groups: Groups) -> Optional[Dict[str, object]]:
    """Return the outline of the grid, which contains pixels without data, as a GeoJSON geometry.

    Parameters
    ----------
    groups : mapping
        Result of `planet_vector.server.archive.metadata.mtl.parse_mtl`.
    """
    corners = [
        [number_or_none(value(groups, f"CORNER_{corner}_{axis}_PRODUCT", *_CORNERS)) for axis in ("LON", "LAT")]
        for corner in ("UL", "LL", "LR", "UR")
    ]
    return outline_of(corners)


def _present(values: Mapping[str, object]) -> Dict[str, object]:
    return {name: found for name, found in values.items() if found is not None}
