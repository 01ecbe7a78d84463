"""The metadata fields of a scene, merged field by field from several sources, and their form in v0.

The table "Common fields" in ``docs/archives.md`` gives the name of each field in each API.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime, timedelta, timezone
from typing import Any, Dict, Mapping, Optional, Tuple

from planet_vector.times import format_time, parse_time

ACQUIRED = "acquired"
"""The field that may be guessed."""

_COMPACT = re.compile(
    r"(\d{4})(\d\d)(\d\d)(?:[T_ -]?(\d\d)(\d\d)(\d\d)(\.\d+)?)?(\s*(?:Z|UTC|[+-]\d\d:?\d\d))?", re.ASCII
)
_MIDNIGHT = re.compile(r"(\d{4}[-:/]\d\d[-:/]\d\d[T ])24:00(:00(?:\.0+)?)?(?=$|[Z+\- U])", re.ASCII)
_DATE = re.compile(r"(\d{4})[:/](\d\d)[:/](\d\d)", re.ASCII)
_Values = Dict[str, Any]  # of arguments of `SceneFields`
_FRACTION = re.compile(r"(\.\d{9})\d+")


@dataclass(frozen=True)
class SceneFields:
    """Metadata of a scene that has a name in several APIs; None if no source states a field.

    Attributes
    ----------
    acquired, start, end, published, updated : datetime.datetime or None
        Times in UTC: of acquisition, its interval if it is one, of publication, and of the last change.
    geometry : mapping or None
        The footprint as a GeoJSON geometry, longitude before latitude in degrees.
    cloud_percent : float or None
        Cloud cover in percent.
    gsd, pixel_resolution : float or None
        Ground sample distance, and pixel size of the grid, in metres.
    satellite, instrument, provider : str or None
        Names as the Data API v1 has them: ``Landsat8``, ``OLI_TIRS``, ``usgs``.
    off_nadir, azimuth : float or None
        Angle off nadir (signed) and direction to the satellite (0 to 360), in degrees.
    sun_elevation, sun_azimuth : float or None
        Elevation of the sun, and direction to it (0 to 360), in degrees.
    strip_id, quality : str or None
        Strip, and quality category.
    guessed : tuple of str
        Fields without a source: ``acquired`` if it is the modification time of the file.
    v0, v1, stac : mapping
        Further properties of each API, which win over those made of the fields above. Objects of v0 are merged:
        ``{"landsat": {"path": 7}, "sat": {"id": "LANDSAT_8"}}``.
    """

    acquired: Optional[datetime] = None
    start: Optional[datetime] = None
    end: Optional[datetime] = None
    published: Optional[datetime] = None
    updated: Optional[datetime] = None
    geometry: Optional[Mapping[str, object]] = None
    cloud_percent: Optional[float] = None
    gsd: Optional[float] = None
    pixel_resolution: Optional[float] = None
    satellite: Optional[str] = None
    instrument: Optional[str] = None
    provider: Optional[str] = None
    off_nadir: Optional[float] = None
    azimuth: Optional[float] = None
    sun_elevation: Optional[float] = None
    sun_azimuth: Optional[float] = None
    strip_id: Optional[str] = None
    quality: Optional[str] = None
    guessed: Tuple[str, ...] = ()
    v0: Mapping[str, object] = field(default_factory=dict)
    v1: Mapping[str, object] = field(default_factory=dict)
    stac: Mapping[str, object] = field(default_factory=dict)

    def completed(self, other: SceneFields) -> SceneFields:
        """Return these fields, with those that are missing from another source.

        Parameters
        ----------
        other : SceneFields
            The source of lower preference.
        """
        given: _Values = {}
        for name in _PLAIN:
            if getattr(self, name) is None and getattr(other, name) is not None:
                given[name] = getattr(other, name)
        if ACQUIRED in given:
            given["guessed"] = other.guessed
        for name in _EXTRA:
            given[name] = _merged(getattr(other, name), getattr(self, name))
        return replace(self, **given)

    def to_feature(self, scene_id: str) -> Dict[str, object]:
        """Return the Feature of v0, without links, with names in alphabetical order.

        Parameters
        ----------
        scene_id : str
            The id.

        Raises
        ------
        ValueError
            If there is no time of acquisition.
        """
        if self.acquired is None:
            raise ValueError("has no time of acquisition")
        sat = {"azimuth_angle": self.azimuth, "id": self.satellite, "off_nadir": self.off_nadir}
        made = {
            "acquired": format_time(self.acquired),
            "cloud_cover": _present({"estimated": self.cloud_percent}),
            "guessed": list(self.guessed),
            "image_statistics": _present({"gsd": self.gsd, "image_quality": self.quality}),
            "provider": self.provider,
            # Always with a fraction: planet 0.0.6 reads no other format.
            "published": None if self.published is None else self.published.isoformat(timespec="microseconds"),
            "sat": _present(sat),
            "strip_id": int(self.strip_id) if self.strip_id and re.fullmatch("[0-9]{1,15}", self.strip_id) else None,
            "sun": _present({"altitude": self.sun_elevation, "azimuth": self.sun_azimuth}),
        }
        properties = _merged({name: value for name, value in made.items() if value not in (None, {}, [])}, self.v0)
        return {
            "type": "Feature",
            "id": scene_id,
            "geometry": self.geometry,
            "properties": dict(sorted(properties.items())),
        }

    def to_json(self) -> Dict[str, object]:
        """Return the fields that are present as a JSON object, which `of_json` reads."""
        found: Dict[str, object] = {}
        for name in _NAMES:
            value = getattr(self, name)
            if value is None or value in ((), {}):
                continue
            found[name] = value.isoformat() if isinstance(value, datetime) else value
        return found

    @classmethod
    def of_json(cls, item: Mapping[str, object]) -> SceneFields:
        """Return the fields that `to_json` wrote.

        Parameters
        ----------
        item : mapping
            A JSON object.
        """
        given: _Values = {name: value for name, value in item.items() if name in _NAMES}
        for name in _TIMES & given.keys():
            given[name] = parse_time(given[name])
        given["guessed"] = tuple(given.get("guessed", ()))
        return cls(**given)

    @classmethod
    def of_feature(cls, feature: Mapping[str, object]) -> SceneFields:
        """Return the fields of a Feature of v0; a value of the wrong type is treated as missing.

        Parameters
        ----------
        feature : mapping
            The Feature.

        Raises
        ------
        ValueError
            If it has no properties.
        """
        properties, geometry = feature["properties"], feature.get("geometry")
        if not isinstance(properties, dict):
            raise ValueError("is a Feature without properties")
        image, sat, sun, cloud = (_object(properties.get(n)) for n in ("image_statistics", "sat", "sun", "cloud_cover"))
        strip = properties.get("strip_id")
        guessed = properties.get("guessed")
        return cls(
            acquired=time_or_none(properties.get("acquired")),
            published=time_or_none(properties.get("published")),
            geometry=geometry if isinstance(geometry, dict) else None,
            cloud_percent=number_or_none(cloud.get("estimated")),
            gsd=number_or_none(image.get("gsd")),
            satellite=text_or_none(sat.get("id")),
            provider=text_or_none(properties.get("provider")),
            off_nadir=number_or_none(sat.get("off_nadir")),
            azimuth=direction_or_none(sat.get("azimuth_angle")),
            sun_elevation=number_or_none(sun.get("altitude")),
            sun_azimuth=direction_or_none(sun.get("azimuth")),
            strip_id=text_or_none(str(strip) if isinstance(strip, int) and not isinstance(strip, bool) else strip),
            quality=text_or_none(image.get("image_quality")),
            guessed=(ACQUIRED,) if guessed == [ACQUIRED] else (),
            v0=properties,
        )


_NAMES = {f.name for f in fields(SceneFields)}
_EXTRA = ("v0", "v1", "stac")
_PLAIN = [f.name for f in fields(SceneFields) if f.name not in (*_EXTRA, "guessed")]
_TIMES = {"acquired", "start", "end", "published", "updated"}


def first_of(*sources: SceneFields) -> SceneFields:
    """Return fields from several sources: each from the first that has it.

    Parameters
    ----------
    *sources : SceneFields
        Sources in the order of preference.
    """
    found = SceneFields()
    for source in sources:
        found = found.completed(source)
    return found


def file_time(text: str) -> datetime:
    """Parse a time as people write it in files.

    Parameters
    ----------
    text : str
        A date, or a date and time, with or without a zone: ISO 8601, TIFF (``2021:06:30 09:15:00``), without
        separators (``20210630``, ``20210630T091500``, ``20210630_091500``), with ``24:00:00``, with slashes, and with
        any number of decimals. Without a zone it is UTC.

    Returns
    -------
    datetime.datetime
        In UTC. Digits beyond the microsecond are dropped.

    Raises
    ------
    ValueError
        If it is not a time.
    """
    said = text.strip()
    compact = _COMPACT.fullmatch(said)
    if compact:
        year, month, day, hour, minute, second, fraction, zone = compact.groups()
        said = f"{year}-{month}-{day}"
        if hour:
            said += f"T{hour}:{minute}:{second}{fraction or ''}{zone or ''}"
        elif zone:
            raise ValueError(f"{text!r} is not a time: it has a zone, but no time of day")
    said = _FRACTION.sub(r"\1", _DATE.sub(r"\1-\2-\3", said, count=1))
    midnight, count = _MIDNIGHT.subn(r"\g<1>00:00\2", said)
    try:
        moment = parse_time(midnight)
        return moment + timedelta(days=1) if count else moment
    except OverflowError:
        raise ValueError(f"{text!r} is not a time within years 1 to 9999") from None


def time_or_none(value: object) -> Optional[datetime]:
    """Return a time of a metadata file, or None if it is missing or unreadable.

    Parameters
    ----------
    value : object
        A text as `file_time` reads it, a date or a datetime (of YAML), or anything else.
    """
    try:
        if isinstance(value, datetime):
            return value.replace(tzinfo=value.tzinfo or timezone.utc).astimezone(timezone.utc)
        if isinstance(value, date):
            return datetime(value.year, value.month, value.day, tzinfo=timezone.utc)
        return file_time(value) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None


def number_or_none(value: object) -> Optional[float]:
    """Return a number of a metadata file, or None if it is missing, unreadable or not finite.

    Parameters
    ----------
    value : object
        A number, a text of one, or anything else.
    """
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return value if math.isfinite(value) else None
    except OverflowError:
        return None


def direction_or_none(value: object) -> Optional[float]:
    """Return a direction of a metadata file in degrees from 0 to 360, or None if it is missing or unreadable.

    Parameters
    ----------
    value : object
        A number from -360 to 360, a text of one, or anything else. Landsat states directions from -180 to 180.
    """
    number = number_or_none(value)
    if number is None or abs(number) > 360:
        return None
    return number if number >= 0 else number + 360


def text_or_none(value: object) -> Optional[str]:
    """Return a text of a metadata file, or None if it is missing or blank.

    Parameters
    ----------
    value : object
        A text, or anything else.
    """
    return value.strip() or None if isinstance(value, str) else None


def _present(values: Mapping[str, object]) -> Dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}


def _merged(below: Mapping[str, object], above: Mapping[str, object]) -> Dict[str, object]:
    """Return two objects as one, in which the second wins, also within objects that are in both."""
    found = dict(below)
    for name, value in above.items():
        was = found.get(name)
        found[name] = _merged(was, value) if isinstance(was, dict) and isinstance(value, dict) else value
    return found


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}
