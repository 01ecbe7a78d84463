"""Items in columns, which are filled when a page is received; of an item only the parts stay that searches need.

Decoding one item after another reuses the same memory, where the items of all pages that are read at once would need
six times that of their JSON.
"""

from __future__ import annotations

from typing import Iterator, List, NamedTuple, Sequence

from planet_vector.catalog.scene_pages import DecodePage, SceneBatch
from planet_vector.catalog.stac.item_conditions import meeting
from planet_vector.collection_schema import Feature
from planet_vector.query import Query

_PLACE = object()
"""Key of an item's batch and its index in it; no JSON has it."""
_KEPT = ("id", "collection", "properties")


class ItemColumns(NamedTuple):
    """Columns of the items of a search.

    Attributes
    ----------
    decode : DecodePage
        Makes the columns of items.
    query : Query
        The search; items that do not meet its conditions have no columns.
    """

    decode: DecodePage
    query: Query

    def filled(self, items: Sequence[Feature]) -> List[Feature]:
        """Return the items of a page, with their columns, and without the members that these contain.

        Parameters
        ----------
        items : sequence of mapping
            The items.
        """
        kept: List[Feature] = [{name: item[name] for name in _KEPT if name in item} for item in items]
        wanted = meeting(items, self.query)
        batch = self.decode.batch(wanted) if wanted else None
        numbers = {id(item): number for number, item in enumerate(wanted)}
        for item, small in zip(items, kept):
            if id(item) in numbers:
                small[_PLACE] = batch, numbers[id(item)]  # type: ignore[index]
        return kept

    def batches(self, items: Sequence[Feature]) -> Iterator[SceneBatch]:
        """Yield the columns of items in their order.

        Parameters
        ----------
        items : sequence of mapping
            Items that `filled` returned, and that meet the conditions.
        """
        start = 0
        while start < len(items):
            batch, first = items[start][_PLACE]  # type: ignore[index]
            end = start + 1
            while end < len(items):
                other, number = items[end][_PLACE]  # type: ignore[index]
                if other is not batch or number != first + end - start:
                    break
                end += 1
            yield batch if end - start == len(batch) else batch[first : first + end - start]
            start = end
