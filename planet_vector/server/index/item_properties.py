"""Properties of STAC items, and the columns of the index that hold some of them.

The value of a column is that of `planet_vector.server.index.fields.stored_values`, for the column and for the item
alike. So a comparison of the column is one of the item.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, field
from typing import Callable, Dict, FrozenSet, List, Mapping, Optional, Tuple

from planet_vector.collection_schema import flatten
from planet_vector.scenes_v0_fields import FIELDS
from planet_vector.server.index.expressions import Moment, moment_or_none
from planet_vector.server.index.fields import COLUMNS, UPDATED, stored_values
from planet_vector.server.index.records import StoredScene
from planet_vector.server.index.scene_search import from_microseconds, microseconds
from planet_vector.server.index.stac_fields import allowed_fields
from planet_vector.server.index.texts import STAC_TEXTS, ItemText, constellation_of, platform_of

PREFIX = "planet:"
"""Of properties of v0 that have no name in STAC, as in `planet_vector.stac_export`."""

DATETIME = "datetime"

_MOST = sys.float_info.max


@dataclass(frozen=True)
class ItemColumn:
    """Property of items that a column of the index holds.

    Attributes
    ----------
    name : str
        Its name in STAC.
    column : str
        The column, a key of `planet_vector.server.index.fields.stored_values`.
    kind : str
        ``number``, ``integer``, ``string``, ``time``, ``words``, or ``name`` for a text in lower case.
    title : str
        For readers.
    low, high : float
        Least and greatest number in STAC; others are not in items.
    is_absolute : bool
        Whether the sign is dropped.
    scale : float
        Factor of a number; the result is rounded to ten decimals.
    is_partial : bool
        Whether an item may have a value that the column lacks.
    """

    name: str
    column: str
    kind: str
    title: str = ""
    low: float = -_MOST
    high: float = _MOST
    is_absolute: bool = False
    scale: float = 1.0
    is_partial: bool = False

    def value(self, stored: object) -> object:
        """Return the value in an item: a number, a text, a `Moment`, or None if it is missing.

        Parameters
        ----------
        stored : object
            The value of the column; None if missing.
        """
        if stored is None or self.kind == "string":
            return stored
        if self.kind == "name":
            return str(stored).strip().lower() or None
        assert isinstance(stored, (int, float))
        if self.kind == "time":
            return Moment(int(stored))
        if self.kind == "words":
            return FIELDS[self.column].words[int(stored)]
        number = abs(stored) if self.is_absolute else stored
        if self.scale != 1:
            number = round(number * self.scale, 10)
        return number if self.low <= number <= self.high else None


def _columns() -> Dict[str, ItemColumn]:
    named = [
        ItemColumn("eo:cloud_cover", "cloud_cover.estimated", "number", "Cloud cover in percent", 0.0, 100.0),
        ItemColumn("gsd", "image_statistics.gsd", "number", "Ground sample distance in metres", sys.float_info.min),
        ItemColumn("view:off_nadir", "sat.off_nadir", "number", "Angle off nadir in degrees", 0.0, 90.0, True),
        ItemColumn("view:azimuth", "sat.azimuth_angle", "number", "Direction to the satellite in degrees", 0.0, 360.0),
        ItemColumn("view:sun_elevation", "sun.altitude", "number", "Elevation of the sun in degrees", -90.0, 90.0),
        ItemColumn("view:sun_azimuth", "sun.azimuth", "number", "Direction to the sun in degrees", 0.0, 360.0),
        ItemColumn("created", "published", "time", "Time of publication"),
        ItemColumn("updated", UPDATED, "time", "Time of the last change"),
        ItemColumn("pl:quality_category", "image_statistics.image_quality", "words", "Quality category"),
    ]
    taken = {column.column for column in named}
    others = [ItemColumn(PREFIX + name, name, FIELDS[name].kind) for name in COLUMNS if name not in taken]
    return {column.name: column for column in (*named, *others)}


ITEM_COLUMNS: Mapping[str, ItemColumn] = _columns()
"""Properties of items that columns hold, by name."""

FEATURE_COLUMNS: Mapping[str, ItemColumn] = {
    column.name: column
    for column in (ItemColumn("platform", "sat.id", "name"), ItemColumn("constellation", "provider", "name"))
}
"""Properties that columns hold only of scenes without fields of their own, which have those of the Feature of v0."""

_SPAN = ("start_datetime", "end_datetime")

TIMES = frozenset({DATETIME, *_SPAN, *(c.name for c in ITEM_COLUMNS.values() if c.kind == "time")})
"""Properties that are times."""

OTHERS: Mapping[str, str] = {
    "platform": "string", "constellation": "string", "start_datetime": "time", "end_datetime": "time",
    "pl:strip_id": "string", "pl:pixel_resolution": "number",
}  # fmt: skip
"""Further properties that items of any source may have, with their kind. No column holds them."""


def item_values(scene: StoredScene) -> Dict[str, object]:
    """Return the properties of an item by name, with `Moment` for times.

    Parameters
    ----------
    scene : StoredScene
        The scene.
    """
    properties: Mapping[str, object] = scene.feature["properties"]  # type: ignore[assignment]
    fields = scene.fields
    stored = stored_values(properties, fields)
    # As the index reads it for its column.
    found: Dict[str, object] = {DATETIME: moment_or_none(properties["acquired"])}
    others = {
        "start_datetime": fields.start and Moment(microseconds(fields.start)),
        "end_datetime": fields.end and Moment(microseconds(fields.end)),
        "platform": fields.satellite and platform_of(fields.satellite),
        "instruments": [fields.instrument.lower()] if fields.instrument else None,
        "constellation": fields.provider and constellation_of(fields.provider),
        "pl:strip_id": fields.strip_id,
        "pl:pixel_resolution": fields.pixel_resolution,
        "planet_vector:guessed": [DATETIME] if fields.guessed else None,
        **allowed_fields(fields.stac),
    }
    if fields.v0 is properties:  # `SceneFields.of_feature`
        others.update({name: column.value(stored[column.column]) for name, column in FEATURE_COLUMNS.items()})
    for name in _SPAN:
        value = others[name]
        others[name] = value if isinstance(value, Moment) else moment_or_none(value)
    if others[_SPAN[0]] is None or others[_SPAN[1]] is None:  # STAC has both or neither
        del others[_SPAN[0]], others[_SPAN[1]]
    for name, value in others.items():
        if name not in found and name not in ITEM_COLUMNS and value is not None:
            found[name] = plain(value)
    for column in ITEM_COLUMNS.values():
        value = column.value(stored[column.column])
        if value is not None:
            found[column.name] = value
    for dotted, value in flatten(properties):
        if dotted.partition(".")[0] not in _NOT_SHOWN and dotted not in FIELDS and value is not None:
            found[PREFIX + dotted] = plain(value)
    return {name: value for name, value in found.items() if value is not None}


_NOT_SHOWN = ("acquired", "links", "data", "guessed")


def plain(value: object) -> object:
    """Return a value of JSON without numbers that JSON cannot express.

    Parameters
    ----------
    value : object
        Parsed JSON.
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return value


def written(values: Mapping[str, object]) -> Dict[str, object]:
    """Return values as JSON, with times as RFC 3339 has them.

    Parameters
    ----------
    values : mapping
        Result of `item_values`.
    """
    return {name: time_text(value.at) if isinstance(value, Moment) else value for name, value in values.items()}


def time_text(at: int) -> str:
    """Return a time as RFC 3339 has it, in UTC.

    Parameters
    ----------
    at : int
        Microseconds since 1970.
    """
    return from_microseconds(at).isoformat().replace("+00:00", "Z")


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The properties of items in an API.

    Attributes
    ----------
    columns : mapping of str to ItemColumn
        Properties that columns hold, by name.
    time : str
        Name of the time of acquisition.
    values : callable
        Returns the properties of a scene by name, with `Moment` for times.
    lists : frozenset of str
        Properties that are lists made of the assets of a scene.
    any_asset : (str, str)
        Name of one of the lists, and a text that it contains if the scene has one of `products`; empty for none.
    products : frozenset of str or None
        Products of v0, by name; None for all.
    feature_columns : mapping of str to ItemColumn
        Properties that columns hold only of scenes without fields of their own.
    texts : mapping of str to ItemText
        Properties that columns of texts hold; those of `feature_columns` only of scenes with fields of their own.
    """

    columns: Mapping[str, ItemColumn]
    time: str
    values: Callable[[StoredScene], Mapping[str, object]]
    lists: FrozenSet[str] = frozenset()
    any_asset: Tuple[str, str] = ("", "")
    products: Optional[FrozenSet[str]] = None
    feature_columns: Mapping[str, ItemColumn] = field(default_factory=dict)
    texts: Mapping[str, ItemText] = field(default_factory=dict)


STAC = Vocabulary(ITEM_COLUMNS, DATETIME, item_values, feature_columns=FEATURE_COLUMNS, texts=STAC_TEXTS)
"""Properties of STAC items."""


def names_of(prefix: Optional[str] = None) -> List[str]:
    """Return the names of all properties that are known without looking at items.

    Parameters
    ----------
    prefix : str, optional
        Only those of an extension, such as ``eo``.
    """
    every = [DATETIME, *ITEM_COLUMNS, *OTHERS]
    return [name for name in every if prefix is None or name.startswith(prefix + ":")]
