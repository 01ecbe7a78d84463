"""Schema of a collection of scenes: its columns, what a service selects by, and what some columns mean."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, FrozenSet, Iterator, Mapping, Optional, Tuple

from planet_vector.assets import Asset
from planet_vector.errors import QueryError

Feature = Mapping[str, Any]
"""A GeoJSON Feature, as a service gave it, or another object of JSON."""

TEXT, TIME, REAL, INTEGER, LONG = "String", "DateTime", "Real", "Integer", "Integer64"
"""Types of columns, by the names that GDAL gives the types of fields."""

COMPARATORS = ("gt", "gte", "lt", "lte", "eq", "neq")
"""Comparators that stand behind a field's name; the bare name means equality."""

ORDERING = frozenset(COMPARATORS)
EQUALITY = frozenset({"eq", "neq"})


@dataclass(frozen=True)
class SceneField:
    """A property of scenes that a service can select by.

    Attributes
    ----------
    name : str
        The service's name, dotted where the property is nested.
    kind : str
        ``string``, ``integer``, ``number``, ``time`` or ``words``.
    comparators : frozenset of str
        What the service takes behind the name.
    integers_only : bool
        Whether the service refuses a fraction in the value.
    words : tuple of str
        The values of a field of the kind ``words``, in the order by which the service compares them.
    synonyms : tuple of str
        What other services call such a field, for errors that help.
    """

    name: str
    kind: str
    comparators: FrozenSet[str] = ORDERING
    integers_only: bool = False
    words: Tuple[str, ...] = ()
    synonyms: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Meanings:
    """Columns by what they mean; None for what a collection does not have.

    Attributes
    ----------
    time : str
        When a scene was acquired. The service orders searches by it, selects by ``gte`` and ``lt`` or ``lte``, and no
        scene is without it. Empty for what is not searched by time.
    published : str, optional
        When a scene was published.
    cloud_cover : str, optional
        The share of a scene that clouds cover.
    full_cover : float
        The value of `cloud_cover` for a scene that is all clouds: 100 where a service has percent, 1 for fractions.
    gsd : str, optional
        The ground sample distance in metres.
    platform : str, optional
        The satellite.
    off_nadir, view_azimuth, sun_elevation, sun_azimuth : str, optional
        Angles in degrees, as STAC's extension view defines them; `off_nadir` may have a sign.
    """

    time: str
    published: Optional[str] = None
    cloud_cover: Optional[str] = None
    full_cover: float = 100.0
    gsd: Optional[str] = None
    platform: Optional[str] = None
    off_nadir: Optional[str] = None
    view_azimuth: Optional[str] = None
    sun_elevation: Optional[str] = None
    sun_azimuth: Optional[str] = None

    def cover_of_percent(self, percent: float) -> float:
        """Return a cloud cover in percent as the service has it."""
        return percent if self.full_cover == 100 else percent * self.full_cover / 100

    def percent_of_cover(self, cover: float) -> float:
        """Return a cloud cover of the service in percent."""
        return cover if self.full_cover == 100 else cover * 100 / self.full_cover


def _no_assets(feature: Feature) -> Mapping[str, Asset]:
    return {}


def _no_links(feature: Feature) -> Mapping[str, str]:
    return {}


def _no_spelling(scene_id: str) -> Optional[str]:
    return None


@dataclass(frozen=True)
class CollectionSchema:
    """What a service says of the scenes of one collection, and what it can select by.

    Schemas are equal if they are of the same collection of the same service.

    Attributes
    ----------
    service : str
        Tells apart the services that define the collection.
    collection : str
        The collection's name: a scene type of the Scenes API v0.
    columns : mapping of str to str
        The columns of a layer in their order, each with its type: `TEXT`, `TIME`, `REAL`, `INTEGER` or `LONG`.
    meanings : Meanings
        What some of the columns mean.
    fields : mapping of str to SceneField
        What the service can select by.
    orders : tuple of str
        The orders of a search, a column and ``desc`` or ``asc``; the service's default first.
    units : mapping of str to str
        Units of columns, as people read them.
    assets_of : callable
        Returns the assets of a Feature by their names.
    links_of : callable
        Returns other links of a Feature by their names: ``self``, ``thumbnail``, ``square_thumbnail``.
    link_columns : mapping of str to str
        Columns that hold the links of assets, by the names of these.
    link_groups : tuple of str
        Properties that hold links, and nothing of a scene.
    first_products : tuple of str
        The assets that people want first.
    tiled_product : str, optional
        The product that the service's tiles show as it is.
    spelling_of : callable
        Returns the usual spelling of an id in small letters, or None if it is of no known kind.
    """

    service: str
    collection: str
    columns: Mapping[str, str] = field(compare=False, repr=False)
    meanings: Meanings = field(compare=False, repr=False)
    fields: Mapping[str, SceneField] = field(default_factory=dict, compare=False, repr=False)
    orders: Tuple[str, ...] = field(default=(), compare=False, repr=False)
    units: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    assets_of: Callable[[Feature], Mapping[str, Asset]] = field(default=_no_assets, compare=False, repr=False)
    links_of: Callable[[Feature], Mapping[str, str]] = field(default=_no_links, compare=False, repr=False)
    link_columns: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    link_groups: Tuple[str, ...] = field(default=(), compare=False, repr=False)
    first_products: Tuple[str, ...] = field(default=(), compare=False, repr=False)
    tiled_product: Optional[str] = field(default=None, compare=False, repr=False)
    spelling_of: Callable[[str], Optional[str]] = field(default=_no_spelling, compare=False, repr=False)

    def product(self, name: Optional[str] = None) -> str:
        """Return the name of a product: the one given, else the one that people want first.

        Raises
        ------
        QueryError
            If none is given, and the collection has none that people want first.
        """
        if not name and not self.first_products:
            raise QueryError(f"Say which product of {self.collection} is meant.")
        return name or self.first_products[0]

    @property
    def time_field(self) -> SceneField:
        """The field by which searches are ordered and cut into windows of time."""
        return self.fields[self.meanings.time]


def value_at(properties: Feature, name: str) -> Any:
    """Return the value under a dotted name in nested properties, None if there is none."""
    value: object = properties
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def flatten(properties: Feature, prefix: str = "") -> Iterator[Tuple[str, Any]]:
    """Yield nested properties under dotted names; an empty object as itself."""
    for key, value in properties.items():
        if isinstance(value, Mapping) and value:
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
