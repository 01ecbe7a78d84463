"""Pages of scenes by the ``next`` links of a service."""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Set

from planet_vector.catalog.scene_pages import PageSource, ScenePage
from planet_vector.collection_schema import Feature
from planet_vector.errors import ProtocolError


class LinkedScenes(NamedTuple):
    """Scenes of linked pages, each once, and whether these are all."""

    features: List[Feature]
    complete: bool


def nonempty_page(source: PageSource, page: ScenePage) -> ScenePage:
    """Return the first nonempty page from here on: pages without a count may be empty without being the last.

    Parameters
    ----------
    source : PageSource
        Fetches the pages.
    page : ScenePage
        The first page.

    Returns
    -------
    ScenePage
        The page; an empty one if no scenes follow.

    Raises
    ------
    ServiceError
        If a page cannot be fetched, or the links lead in a circle.
    """
    seen: Set[str] = set()
    while page.total is None and not page.features and page.next is not None:
        if page.next in seen:
            raise ProtocolError("The service links empty pages in a circle: the result would be incomplete, try again.")
        seen.add(page.next)
        page = source.follow(page.next)
    return page


def linked_scenes(source: PageSource, page: ScenePage) -> LinkedScenes:
    """Return the scenes of a page and of those that it links to.

    They are complete if their number is the count of the first page; without a count, if the last page has no link.

    Parameters
    ----------
    source : PageSource
        Fetches the pages.
    page : ScenePage
        The first page.

    Returns
    -------
    LinkedScenes
        The scenes.

    Raises
    ------
    ServiceError
        If a page cannot be fetched.
    """
    count, found = page.total, _by_id(page)
    seen: Set[str] = set()
    while (count is None or len(found) < count) and page.next and page.next not in seen:
        if count is not None and not page.features:
            break
        seen.add(page.next)
        page = source.follow(page.next)
        found.update(_by_id(page))
    return LinkedScenes(list(found.values()), page.next not in seen if count is None else len(found) == count)


def _by_id(page: ScenePage) -> Dict[str, Feature]:
    assert isinstance(page.features, list)
    return dict(zip(page.ids, page.features))
