"""Whether a service honours a filter on a property: tested once before it is relied on.

Some services ignore filters silently, some find nothing for any. A service is trusted with a property if it finds an
item that is already known by a filter that the item meets, and does not find it by filters that it does not meet.
"""

from __future__ import annotations

import logging
import threading
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from planet_vector.catalog.stac.item_pages import PageRequest, fetch_page
from planet_vector.catalog.stac.json_values import as_number, as_object
from planet_vector.catalog.stac.landing import Landing
from planet_vector.catalog.stac.pushed import CQL2, QUERY, Bounds, filter_of, widened
from planet_vector.collection_schema import Feature
from planet_vector.errors import BadQueryError, NotFoundError, ProtocolError, UnavailableError
from planet_vector.forking import renew_after_fork
from planet_vector.http.transport import Transport
from planet_vector.workers import Workers

log = logging.getLogger(__name__)

_LARGEST = 1e300  # a test also sends values beyond the item's, which must be finite
_FEW = 10  # most items asked for in a test: one is expected


class FilterTrust:
    """Results of the tests of one service.

    Parameters
    ----------
    transport : Transport
        Sends the requests.
    landing : Landing
        The service.
    """

    def __init__(self, transport: Transport, landing: Landing) -> None:
        self._transport = transport
        self._landing = landing
        self._found: Dict[str, bool] = {}
        self._lock = threading.Lock()
        renew_after_fork(self._renew)

    @property
    def language(self) -> str:
        """The language of filters that the service announces; empty if it announces none."""
        return CQL2 if self._landing.filters else QUERY if self._landing.queries else ""

    def trusted(self, collection: str, bounds: Mapping[str, Bounds], items: Sequence[Feature]) -> Dict[str, Bounds]:
        """Return the bounds that the service may be trusted with; tests properties that were not tested before.

        Parameters
        ----------
        collection : str
            The collection of the items.
        bounds : mapping of str to Bounds
            Bounds by property.
        items : sequence of mapping
            Some items of the collection; a property that none of them has is not tested.

        Raises
        ------
        ServiceError
            If a request fails for another reason than the filter.
        """
        if not bounds or not self.language:
            return {}
        with self._lock:
            for name in bounds:
                if name not in self._found:
                    known = _item_with(items, name)
                    if known is not None:
                        self._found[name] = self._test(collection, name, *known)
            return {name: ends for name, ends in bounds.items() if self._found.get(name)}

    def distrust(self, name: str) -> None:
        """Rely no longer on filters by a property.

        Parameters
        ----------
        name : str
            The property.
        """
        log.info("The service does not honour filters by %s: they are applied here.", name)
        self._found[name] = False

    @property
    def tested(self) -> Mapping[str, bool]:
        """The properties tested so far, and whether the service honours filters by them."""
        return dict(self._found)

    def _test(self, collection: str, name: str, item_id: str, value: float) -> bool:
        gap = max(1.0, abs(value) / 10)
        least, greatest = widened(value)
        cases: List[Tuple[Bounds, bool]] = [
            ((least, greatest), True),
            ((value + gap, None), False),
            ((None, value - gap), False),
        ]
        with Workers(len(cases)) as pool:
            tasks = [pool.submit(self._finds, collection, item_id, {name: bounds}) for bounds, _ in cases]
            honours = [task.result() for task in tasks] == [expected for _, expected in cases]
        log.info("The service %s filters by %s.", "honours" if honours else "does not honour", name)
        return honours

    def _finds(self, collection: str, item_id: str, bounds: Mapping[str, Bounds]) -> Optional[bool]:
        """Return whether a filter finds an item; None if the service refuses the filter."""
        body = {"collections": [collection], "ids": [item_id], "limit": _FEW, **filter_of(bounds, self.language)}
        try:
            page = fetch_page(self._transport, PageRequest.of_search(self._landing, body))
        except (BadQueryError, NotFoundError, ProtocolError, UnavailableError) as error:
            if error.status is None:
                raise
            return None
        return item_id in [item.get("id") for item in page.items]

    def _renew(self) -> None:
        self._lock = threading.Lock()


def _item_with(items: Sequence[Feature], name: str) -> Optional[Tuple[str, float]]:
    """Return the id and the value of an item that has a number as a property."""
    for item in items:
        value = as_number(as_object(item.get("properties")).get(name))
        if value is not None and abs(value) <= _LARGEST:
            return item["id"], value
    return None
