"""Parameters of the addresses of the Data API v1 and the Basemaps API v1."""

from __future__ import annotations

from typing import Dict, Mapping

from fastapi import Request

from planet_vector.server.http_errors import HttpError

_KEY = "api_key"

_MEMBERS = frozenset({
    "item_types", "filter", "geometry", "asset_types", "name", "search_type", "interval", "utc_offset", "id",
    "created", "updated", "last_executed",
})  # fmt: skip
"""Members of a search, also of one as it was read and is written back."""


def query_of(request: Request, *names: str) -> Dict[str, str]:
    """Return the parameters of an address, without the key.

    An unknown one may be a filter, without which the response would have what was not asked for.

    Parameters
    ----------
    request : Request
        The request.
    *names : str
        Parameters of the address.

    Raises
    ------
    HttpError
        400, if there are others, or one is given twice with different values.
    """
    found: Dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name == _KEY:
            continue
        if name not in names:
            taken = f"it takes {', '.join(names)}" if names else "this address takes none"
            raise HttpError(400, f"{name[:40]!r} is not a parameter: {taken}.")
        if found.setdefault(name, value) != value:
            raise HttpError(400, f"{name} is given more than once, with different values.")
    return found


def check_members(document: Mapping[str, object]) -> None:
    """Raise an exception if a search has unknown members, which might have limited its result.

    Parameters
    ----------
    document : mapping
        Parsed JSON of the search.

    Raises
    ------
    HttpError
        400, if it has a member that is unknown and does not begin with an underscore.
    """
    for name in document:
        if name not in _MEMBERS and not name.startswith("_"):
            raise HttpError(
                400, f"{name[:40]!r} is not a member of a search: it has item_types, filter, geometry and asset_types."
            )
