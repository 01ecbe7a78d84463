"""Saved searches of an account, as names of searches."""

from __future__ import annotations

import json
from typing import Dict, List, Mapping, Optional, Set, Tuple
from urllib.parse import quote

from planet_vector.catalog.data_v1.item_pages import next_link
from planet_vector.catalog.data_v1.item_schemas import ASSETS, FILTER
from planet_vector.catalog.data_v1.transport import DataV1Transport
from planet_vector.collection_schema import Feature
from planet_vector.errors import NameSyntaxError, NotFoundError, ProtocolError
from planet_vector.names import Name

SEARCHES = "searches"
"""The collection of saved searches in a name."""

MAX_PAGES = 1000


class SavedSearches:
    """Client of the saved searches of an account.

    Parameters
    ----------
    transport : DataV1Transport
        Sends the requests.
    """

    def __init__(self, transport: DataV1Transport) -> None:
        self._transport = transport

    def list(self) -> List[Feature]:
        """Return the service's JSON object of each saved search.

        Raises
        ------
        ProtocolError
            If the response is not a list of searches.
        """
        url = self._transport.url("searches")
        found: Dict[str, Feature] = {}
        link: Optional[str] = url
        visited: Set[str] = set()
        for _ in range(MAX_PAGES):
            visited.add(str(link))
            body = self._transport.get_json(self._transport.own_link(str(link))).body
            page = body.get("searches") if isinstance(body, Mapping) else None
            if not isinstance(page, list) or not all(map(_is_search, page)):
                raise ProtocolError("The service did not list the saved searches.", f"GET {url}")
            found.update((each["id"], each) for each in page)
            link = next_link(body)
            if link is None:
                return list(found.values())
            if link in visited:
                raise ProtocolError("The service links pages of saved searches in a circle: try again.", f"GET {url}")
        raise ProtocolError(f"The service lists saved searches on more than {MAX_PAGES:,} pages.", f"GET {url}")

    def named(self, search_id: str) -> Feature:
        """Return the service's JSON object of a saved search.

        Parameters
        ----------
        search_id : str
            Its id.

        Raises
        ------
        NotFoundError
            If there is no such search.
        ProtocolError
            If the response is something else.
        """
        url = self._transport.url(f"searches/{quote(search_id, safe='')}")
        try:
            body = self._transport.get_json(url).body
        except NotFoundError as error:
            raise NotFoundError(
                f"There is no saved search {search_id!r} at this service: PLANET:{SEARCHES} lists them.",
                error.request,
                error.status,
            ) from None
        if not _is_search(body):
            raise ProtocolError(f"The service returned something that is not search {search_id!r}.", f"GET {url}")
        return dict(body)

    def expand(self, name: Name) -> List[Tuple[str, Name]]:
        """Return the searches that ``searches`` or ``searches/ID`` stands for, with titles of their layers.

        Parameters
        ----------
        name : Name
            The name; its parameters are added to each search.

        Raises
        ------
        NameSyntaxError
            If the name has another part.
        NotFoundError
            If there is no saved search of this id.
        """
        if name.part:
            raise NameSyntaxError(f"PLANET:{SEARCHES}/{name.item} is a saved search, which has no part {name.part!r}.")
        found: List[Tuple[str, Name]] = []
        for body in [self.named(name.item)] if name.item else self.list():
            for item_type in body["item_types"]:
                title = item_type if name.item else f"{body.get('name') or body['id']} ({item_type})"
                parameters = (*_parameters_of(body), *name.parameters)
                found.append((_unlike(title, [other for other, _ in found]), Name(item_type, parameters=parameters)))
        return found


def _parameters_of(body: Feature) -> List[Tuple[str, str]]:
    filters = [body["filter"]] if isinstance(body.get("filter"), Mapping) else []
    if isinstance(body.get("geometry"), Mapping):
        filters.append({"type": "GeometryFilter", "field_name": "geometry", "config": body["geometry"]})
    parameters = [(FILTER, json.dumps({"type": "AndFilter", "config": filters}))] if filters else []
    assets = body.get("asset_types")
    if isinstance(assets, list) and assets:
        parameters.append((ASSETS, ",".join(map(str, assets))))
    return parameters


def _unlike(title: str, others: List[str]) -> str:
    """Return a title that no other layer has."""
    number, found = 1, title
    while found in others:
        number += 1
        found = f"{title} {number}"
    return found


def _is_search(body: object) -> bool:
    types = body.get("item_types") if isinstance(body, Mapping) else None
    return (
        isinstance(body, Mapping)
        and isinstance(body.get("id"), str)
        and isinstance(types, list)
        and bool(types)
        and all(isinstance(each, str) and each for each in types)
    )
