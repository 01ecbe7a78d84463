"""Texts of scenes that STAC and the Data API compare, as columns of the index.

The columns hold the fields of a scene as its kind of archive states them. The properties of both APIs are made of them,
unless the scene has a further property of that name, which wins: such a scene has `OTHER` in the column, and only its
item tells.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Dict, List, Mapping, Optional, Union

from planet_vector.server.archive.fields import SceneFields

OTHER = True
"""Value of a column for a scene whose properties are not those of the field."""

StoredText = Union[None, str, bool]


def platform_of(satellite: str) -> str:
    """Return the platform in STAC.

    Parameters
    ----------
    satellite : str
        The satellite in the Data API.
    """
    return satellite.strip().lower()


def constellation_of(provider: str) -> str:
    """Return the constellation in STAC.

    Parameters
    ----------
    provider : str
        The provider in the Data API.
    """
    return provider.lower()


def _same(text: str) -> str:
    return text


@dataclass(frozen=True)
class ItemText:
    """Property of items that a column of texts holds.

    Attributes
    ----------
    field : str
        The field of `planet_vector.server.archive.fields.SceneFields`.
    value : callable
        Returns the property of a text of the field.
    """

    field: str
    value: Callable[[str], str] = _same

    @property
    def column(self) -> str:
        """Name of the column in the index."""
        return f"text.{self.field}"


DATA_TEXTS: Mapping[str, ItemText] = {
    "satellite_id": ItemText("satellite"),
    "instrument": ItemText("instrument"),
    "provider": ItemText("provider"),
    "strip_id": ItemText("strip_id"),
}
"""Properties of the Data API v1, by name."""

STAC_TEXTS: Mapping[str, ItemText] = {
    "platform": ItemText("satellite", platform_of),
    "constellation": ItemText("provider", constellation_of),
    "pl:strip_id": ItemText("strip_id"),
}
"""Properties of STAC, by name. An instrument is a list there."""

TEXT_FIELDS = tuple(text.field for text in DATA_TEXTS.values())
"""Fields in the order of `text_values`."""

TEXT_COLUMNS = tuple(text.column for text in DATA_TEXTS.values())
"""Their columns."""


def text_values(fields: SceneFields) -> List[StoredText]:
    """Return the values of the columns of a scene, in the order of `TEXT_COLUMNS`.

    Parameters
    ----------
    fields : SceneFields
        Its metadata.

    Returns
    -------
    list
        A text; None if the scene has none; `OTHER` if its properties differ from the field.
    """
    found: Dict[str, StoredText] = {name: getattr(fields, name) for name in TEXT_FIELDS}
    for texts, more in ((DATA_TEXTS, fields.v1), (STAC_TEXTS, fields.stac)):
        for name, text in texts.items():
            if name in more:
                stated: Optional[str] = getattr(fields, text.field)
                if more[name] != (None if stated is None else text.value(stated)):
                    found[text.field] = OTHER
    return [value if value is None or isinstance(value, str) else OTHER for value in found.values()]
