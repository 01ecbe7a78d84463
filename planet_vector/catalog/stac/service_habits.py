"""Habits of a service in paging, learned from its pages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Set

from planet_vector.catalog.stac.item_pages import ItemPage

PAGE = 250
"""Items that are asked for on a page: Planetary Computer's default; Earth Search fails above some 260 of Sentinel-2."""


@dataclass
class ServiceHabits:
    """Observed habits of a service in paging.

    Attributes
    ----------
    size : int
        Items asked for on a page.
    cut : int
        Largest page with a link to the next that has fewer items than were asked for; 0 if there was none.
    honoured : int
        Largest page with a link to the next that has as many items as were asked for; 0 if there was none.
    unsorted : set of str
        Collections whose order cannot be relied on.
    one_chain : set of str
        Collections that lost items when they were read by windows of time.
    estimates : bool
        Whether a count turned out to be an estimate; then counts are not used.
    counts : bool
        Whether the last page had a count.
    most, seconds, length : int, float, int
        Items of the largest page so far, seconds until it arrived, the least of equal ones, and its bytes of JSON.
    """

    size: int = PAGE
    cut: int = 0
    honoured: int = 0
    unsorted: Set[str] = field(default_factory=set)
    one_chain: Set[str] = field(default_factory=set)
    estimates: bool = False
    counts: bool = True
    most: int = 0
    seconds: float = 0.0
    length: int = 0

    def note(self, page: ItemPage, asked: int, seconds: float) -> None:
        """Learn from a page.

        Parameters
        ----------
        page : ItemPage
            The page.
        asked : int
            The number of items asked for.
        seconds : float
            Seconds until it arrived.
        """
        self.counts = page.matched is not None
        if len(page.items) >= self.most:
            # The least: some requests of a size wait for their turn under a rate limit.
            self.seconds = min(self.seconds, seconds) if len(page.items) == self.most else seconds
            self.most, self.length = len(page.items), page.length
        if page.next is None:
            return
        if len(page.items) < asked:
            self.cut = max(self.cut, len(page.items))
        else:
            self.honoured = max(self.honoured, asked)

    def may_be_full(self, count: int, asked: int) -> bool:
        """Return whether a page may have been cut off at a limit.

        Limits of services are multiples of ten. A service that returned as many items as were asked for, and never
        fewer before the last page, has no lower limit.

        Parameters
        ----------
        count : int
            The number of its items.
        asked : int
            The number of items asked for.
        """
        if count >= asked or not count:
            return count >= asked
        return self.cut > 0 or (self.honoured < asked and count % 10 == 0)

    def is_full(self, count: int, asked: int) -> bool:
        """Return whether a page is as large as the service's pages are.

        Parameters
        ----------
        count, asked : int
            As for `may_be_full`.
        """
        return count >= (min(asked, self.cut) if self.cut else asked)
