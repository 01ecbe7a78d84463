"""Basemaps as the key of a request may see them."""

from __future__ import annotations

from typing import Any, Callable, Mapping, NamedTuple, Sequence, Tuple, TypeVar

from fastapi import Request
from fastapi.responses import Response

from planet_vector.server.api.answers import json_answer, write_json
from planet_vector.server.api.attending import Pool, attend
from planet_vector.server.api.basemap_definitions import BasemapDefinition
from planet_vector.server.api.basemap_layouts import BasemapLayout, Member
from planet_vector.server.api.conditional import Version
from planet_vector.server.api.permissions import Permission
from planet_vector.server.api.service import Service, enter, index_version
from planet_vector.server.http_errors import HttpError
from planet_vector.server.patience import Patience
from planet_vector.server.quad_grid import Quad

SECONDS = 60.0
"""Time limit for work with a basemap's layout. 20 000 scenes take about 10 s, once per state of the index."""

LAYOUTS = Pool("layouts", 4)
"""Separate pool for basemaps, so that laying one out does not delay scenes and searches."""

T = TypeVar("T")


class VisibleBasemap(NamedTuple):
    """Basemap restricted to the permission of a key.

    Attributes
    ----------
    service : Service
        The service.
    basemap : BasemapDefinition
        Definition of the basemap.
    permission : Permission
        Permission of the key.
    """

    service: Service
    basemap: BasemapDefinition
    permission: Permission

    def layout(self, patience: Patience) -> BasemapLayout:
        """Return the layout of the scenes that the key permits; see `BasemapDefinition.layout`.

        Parameters
        ----------
        patience : Patience
            Time limit and cancellation.
        """
        return self.basemap.layout(self.service.index, self.permission, patience)

    def version(self, request: Request, *parts: Any) -> Version:
        """Return the version of a response about the basemap; call it in a thread.

        Parameters
        ----------
        request : Request
            Request to answer.
        *parts
            Further values that the response depends on.
        """
        return index_version(request, self.service, self.permission, definition_of(self.basemap), parts)

    def quad(self, quad_id: str, patience: Patience) -> Tuple[Quad, Sequence[Member]]:
        """Return a quad and its scenes, from top to bottom.

        Parameters
        ----------
        quad_id : str
            Id of the quad, such as ``L15-0763E-0959N``.
        patience : Patience
            Time limit and cancellation.

        Raises
        ------
        HttpError
            404 if the basemap has no such quad, 422 if it has too many, 503 if the time is used up.
        """
        quad = Quad.parse(quad_id)
        members = self.layout(patience).quads(patience).get(quad) if quad else None
        if quad is None or members is None:
            raise HttpError(404, f"The basemap {self.basemap.name} has no quad {quad_id[:40]!r}.")
        return quad, members


def see_basemap(request: Request, name: str) -> VisibleBasemap:
    """Return the basemap that a request names, if its key permits it.

    Parameters
    ----------
    request : Request
        Request with a key.
    name : str
        Name of the basemap.

    Raises
    ------
    HttpError
        401 without a valid key, 404 if there is no basemap of the name that the key permits.
    """
    service, permission = enter(request)
    basemap = service.basemaps.get(name)
    # The same error hides the existence of basemaps that the key does not permit.
    if basemap is None or not basemap.is_visible(permission):
        raise HttpError(404, f"There is no basemap {name[:80]!r}.")
    return VisibleBasemap(service, basemap, permission)


def definition_of(basemap: BasemapDefinition) -> Tuple[Any, ...]:
    """Return the properties of a basemap that do not depend on the index.

    Parameters
    ----------
    basemap : BasemapDefinition
        The basemap.
    """
    return (
        basemap.name,
        basemap.title,
        basemap.product,
        basemap.level,
        basemap.search.scene_type,
        basemap.search.parameters,
    )


async def basemap_answer(
    request: Request, seen: VisibleBasemap, describe: Callable[[Patience], Mapping[str, Any]], *parts: Any
) -> Response:
    """Return a JSON response about a basemap, or 304.

    Parameters
    ----------
    request : Request
        Request to answer.
    seen : VisibleBasemap
        The basemap.
    describe : callable
        Returns the document; called in a thread with the patience of the request.
    *parts
        Values that the response depends on and the address lacks.

    Raises
    ------
    HttpError
        503 if the service is busy or the layout takes too long, and the errors of `describe`.
    """

    def answer(patience: Patience) -> Response:
        return json_answer(request, lambda: write_json(describe(patience)), seen.version(request, parts))

    return await attend_layout(request, answer)


async def attend_layout(request: Request, function: Callable[..., T], *args: Any) -> T:
    """Call a function that needs layouts of basemaps in a thread, as `planet_vector.server.api.attending.attend` does.

    Parameters
    ----------
    request : Request
        Request that waits.
    function : callable
        Called with `args` and the patience of the request.
    *args
        Its first arguments.

    Returns
    -------
    object
        Result of the function.

    Raises
    ------
    HttpError
        503 if the service is busy or the time is used up, and the errors of the function.
    """
    return await attend(request, function, *args, seconds=SECONDS, pool=LAYOUTS)
