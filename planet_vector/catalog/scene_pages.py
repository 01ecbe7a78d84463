"""Pages of scenes, and how a client of a service provides them."""

from __future__ import annotations

from datetime import datetime
from typing import Callable, NamedTuple, Optional, Protocol, Sequence, Tuple

from planet_vector.catalog.density import Bucket
from planet_vector.collection_schema import Feature
from planet_vector.errors import ProtocolError
from planet_vector.query import Query


class ResultChanged(ProtocolError):
    """Raised if pages are inconsistent: the result changed during the search, or the service lost scenes."""


def scenes_missing(count: int) -> ResultChanged:
    """Return the error for scenes that were counted but not returned.

    Parameters
    ----------
    count : int
        Their number.
    """
    return ResultChanged(
        f"The service counted {count} more scenes than it returned: the result is incomplete, or it changed "
        "during the search; try again."
    )


class SceneBatch(Protocol):
    """Protocol for a sliceable batch of scenes: a list of Features, or rows.

    Members of Features for columns may be JSON: `planet_vector.quick_json.decoded` decodes them.
    """

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice) -> SceneBatch: ...


class ScenePage(NamedTuple):
    """Page of scenes.

    Attributes
    ----------
    features : SceneBatch
        Its scenes.
    ids, times : sequence of str
        The id and the time of each.
    total : int or None
        The number of scenes from its first one to the end of the search; None if the service does not count.
    next : str or None
        The link to the next page.
    """

    features: SceneBatch
    ids: Sequence[str]
    times: Sequence[str]
    total: Optional[int]
    next: Optional[str]

    @property
    def is_last(self) -> bool:
        """Whether no scenes follow."""
        return self.next is None if self.total is None else self.total == len(self.features)


class DecodedScenes(NamedTuple):
    """Decoded scenes, with the id and the time of each."""

    features: SceneBatch
    ids: Sequence[str]
    times: Sequence[str]


Envelope = Callable[[object], type]
"""Returns the class of a service's pages for msgspec, given the type of their ``features``, the scenes."""


class DecodePage(Protocol):
    """Protocol for a decoder of scenes into the columns that a caller wants."""

    def __call__(self, content: bytes, envelope: Envelope) -> Optional[Tuple[DecodedScenes, object]]:
        """Return the scenes of a page and the page, or None if it must be read scene by scene.

        Parameters
        ----------
        content : bytes
            The page, in JSON.
        envelope : callable
            Returns the type of a page, given that of its scenes.
        """

    def batch(self, features: Sequence[Feature]) -> SceneBatch:
        """Return scenes in columns.

        Parameters
        ----------
        features : sequence of Feature
            The scenes.
        """


ReadPage = Callable[[Optional[DecodePage]], ScenePage]
"""Parses a received page: as GeoJSON Features, or by a decoder if that is possible."""


class PageSource:
    """Fetches pages of scenes by query or by link.

    Parameters
    ----------
    fetch : callable
        Requests the first scenes of a query, at most the given number, and returns a function that parses the page.
        Called from several threads; the returned function is called from the thread that consumes the pages.
    follow : callable
        Returns the page at a link.
    size : int
        Maximum number of scenes in a page.
    decode : callable, optional
        Decodes the pages that are requested in parallel.
    """

    def __init__(
        self,
        fetch: Callable[[Query, int], ReadPage],
        follow: Callable[[str], ScenePage],
        size: int,
        decode: Optional[DecodePage] = None,
    ) -> None:
        self.fetch = fetch
        self.follow = follow
        self.size = size
        self.decode = decode


class SearchSurvey(NamedTuple):
    """Number of scenes of a search, None if the service does not count, and the times of the oldest and the newest.

    A service that counts scenes by time gives a density, too; its pages need not contain a count then.
    """

    total: Optional[int]
    oldest: Optional[datetime] = None
    newest: Optional[datetime] = None
    density: Tuple[Bucket, ...] = ()
