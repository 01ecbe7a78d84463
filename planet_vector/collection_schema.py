"""Schema of a collection of scenes: its columns, its searchable fields, and the meanings of columns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, FrozenSet, Iterator, Mapping, Optional, Tuple

from planet_vector.assets import Asset, AssetPlace
from planet_vector.errors import QueryError

Feature = Mapping[str, Any]
"""A GeoJSON Feature, as the service returned it, or another JSON object."""

TEXT, TIME, REAL, INTEGER, LONG = "String", "DateTime", "Real", "Integer", "Integer64"
"""Types of columns, named as GDAL's field types."""

_DIGITS = 12  # decimals of converted cloud covers: the digits of the service return, without those of binary fractions

BOOLEAN = "Boolean"
"""Type of a column of JSON's true and false, which GDAL's Python drivers can only return as the integers 1 and 0."""

COMPARATORS = ("gt", "gte", "lt", "lte", "eq", "neq")
"""Comparators, appended to a field's name; the bare name means equality."""

ORDERING = frozenset(COMPARATORS)
EQUALITY = frozenset({"eq", "neq"})


@dataclass(frozen=True)
class SceneField:
    """Property of scenes that a service can select by.

    Attributes
    ----------
    name : str
        The service's name of the property, dotted if it is nested.
    kind : str
        ``string``, ``integer``, ``number``, ``time`` or ``words``; ``json`` for a filter in the service's own
        language and ``list`` for comma-separated words, which are no properties of scenes.
    comparators : frozenset of str
        The comparators that the service accepts for the field.
    integers_only : bool
        Whether the service rejects fractions.
    words : tuple of str
        The values of a field of the kind ``words``, in the service's order.
    synonyms : tuple of str
        Names of the same property at other services, for suggestions in errors.
    spans : bool
        Whether a name may give a time as a span, ``A/B`` or ``A/..``, in which a date stands for its whole day.
    choices : tuple of str
        Known values of a field of the kind ``string``, for forms; other values are valid, too.
    low, high : float or None
        Known limits of the values of a number, for forms; others are valid, too.
    """

    name: str
    kind: str
    comparators: FrozenSet[str] = ORDERING
    integers_only: bool = False
    words: Tuple[str, ...] = ()
    synonyms: Tuple[str, ...] = ()
    spans: bool = False
    choices: Tuple[str, ...] = ()
    low: Optional[float] = None
    high: Optional[float] = None


@dataclass(frozen=True)
class Meanings:
    """Columns by their meaning; None if a collection has no such column.

    Attributes
    ----------
    time : str
        Acquisition time. The service orders searches by it and selects by ``gte`` and ``lt`` or ``lte``; every scene
        has it, or `start` instead. Empty for a collection that is not searched by time.
    start : str
        Start of the acquisition, for scenes with a span of time whose `time` is null; empty if there are none.
    published : str, optional
        Publication time.
    cloud_cover : str, optional
        Share of the scene that is covered by clouds.
    full_cover : float
        The value of `cloud_cover` for full cover: 100 if the service uses percent, 1 if it uses fractions.
    gsd : str, optional
        Ground sample distance in metres.
    platform : str, optional
        Satellite.
    off_nadir, view_azimuth, sun_elevation, sun_azimuth : str, optional
        Angles in degrees, as STAC's extension view defines them; `off_nadir` may be signed.
    """

    time: str
    start: str = ""
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
        """Return a cloud cover in the service's unit.

        Parameters
        ----------
        percent : float
            Cloud cover in percent.
        """
        return percent if self.full_cover == 100 else round(percent * self.full_cover / 100, _DIGITS)

    def percent_of_cover(self, cover: float) -> float:
        """Return a cloud cover in percent.

        Parameters
        ----------
        cover : float
            Cloud cover in the service's unit.
        """
        return cover if self.full_cover == 100 else round(cover * 100 / self.full_cover, _DIGITS)


def _no_assets(feature: Feature) -> Mapping[str, Asset]:
    return {}


def _no_links(feature: Feature) -> Mapping[str, str]:
    return {}


def _no_spelling(scene_id: str) -> Optional[str]:
    return None


@dataclass(frozen=True)
class CollectionSchema:
    """Description of one collection: its columns, searchable fields, orders and assets.

    Two schemas are equal if service and collection are equal.

    Attributes
    ----------
    service : str
        Identifier of the service that defines the collection.
    collection : str
        The collection's name: a scene type of the Scenes API v0.
    columns : mapping of str to str
        The columns of a layer in order, each with its type: `TEXT`, `TIME`, `REAL`, `INTEGER`, `LONG` or `BOOLEAN`.
    meanings : Meanings
        Columns by their meaning.
    fields : mapping of str to SceneField
        Searchable fields, by name.
    orders : tuple of str
        The orders of a search, a column and ``desc`` or ``asc``; the service's default first.
    units : mapping of str to str
        Units of columns, for display.
    assets_of : callable
        Returns the assets of a Feature, by name.
    places_of : callable, optional
        Returns the places of these assets, if there is a quicker way to find them.
    links_of : callable
        Returns the other links of a Feature, by name: ``self``, ``thumbnail``, ``square_thumbnail``.
    link_columns : mapping of str to str
        Columns that contain the links of assets, by the names of the assets.
    link_groups : tuple of str
        Properties that contain links only, no data of the scene.
    members : tuple of str
        Columns, of the type `TEXT`, that contain members of the Feature beside its properties as JSON, such as
        ``assets``.
    first_products : tuple of str
        The preferred assets.
    tiled_product : str, optional
        The product that the service's tiles show unchanged.
    alternatives : bool
        Whether the service can select scenes that meet one of several conditions.
    on_request : bool
        Whether the service returns the addresses of all its files only on request, so that scenes have no location.
    spelling_of : callable
        Returns the usual spelling of a lower-case id, or None if its kind is unknown.
    """

    service: str
    collection: str
    columns: Mapping[str, str] = field(compare=False, repr=False)
    meanings: Meanings = field(compare=False, repr=False)
    fields: Mapping[str, SceneField] = field(default_factory=dict, compare=False, repr=False)
    orders: Tuple[str, ...] = field(default=(), compare=False, repr=False)
    units: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    assets_of: Callable[[Feature], Mapping[str, Asset]] = field(default=_no_assets, compare=False, repr=False)
    places_of: Optional[Callable[[Feature], Mapping[str, AssetPlace]]] = field(default=None, compare=False, repr=False)
    links_of: Callable[[Feature], Mapping[str, str]] = field(default=_no_links, compare=False, repr=False)
    link_columns: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    link_groups: Tuple[str, ...] = field(default=(), compare=False, repr=False)
    members: Tuple[str, ...] = field(default=(), compare=False, repr=False)
    first_products: Tuple[str, ...] = field(default=(), compare=False, repr=False)
    tiled_product: Optional[str] = field(default=None, compare=False, repr=False)
    alternatives: bool = field(default=False, compare=False, repr=False)
    on_request: bool = field(default=False, compare=False, repr=False)
    spelling_of: Callable[[str], Optional[str]] = field(default=_no_spelling, compare=False, repr=False)

    def product(self, name: Optional[str] = None) -> str:
        """Return the name of a product: the one given, else the first preferred one.

        Parameters
        ----------
        name : str, optional
            The product.

        Raises
        ------
        QueryError
            If no name is given, and the collection has no preferred product.
        """
        if not name and not self.first_products:
            raise QueryError(f"{self.collection} has no default product: name a product.")
        return name or self.first_products[0]

    @property
    def time_field(self) -> SceneField:
        """The field that orders searches and divides them into time windows."""
        return self.fields[self.meanings.time]


def value_at(properties: Feature, name: str) -> Any:
    """Return the value under a dotted name in nested properties, or None if there is none.

    Parameters
    ----------
    properties : mapping
        Nested properties.
    name : str
        A name such as ``cloud_cover.estimated``.
    """
    value: object = properties
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def time_at(properties: Feature, meanings: Meanings) -> object:
    """Return the acquisition time in properties, or its start if it is a span; None if there is neither.

    Parameters
    ----------
    properties : mapping
        Nested properties.
    meanings : Meanings
        The columns of the collection.
    """
    value: object = value_at(properties, meanings.time)
    return value_at(properties, meanings.start) if value is None and meanings.start else value


def flatten(properties: Feature, prefix: str = "") -> Iterator[Tuple[str, Any]]:
    """Yield nested properties under dotted names; an empty object is a value.

    Parameters
    ----------
    properties : mapping
        Nested properties.
    prefix : str, optional
        Prepended to each name.

    Yields
    ------
    (str, object)
        The dotted name and the value.
    """
    for key, value in properties.items():
        if isinstance(value, Mapping) and value:
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
