"""Layouts of basemaps: which scenes lie on which quads and tiles."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import Dict, FrozenSet, List, Mapping, Optional, Sequence

import shapely
from shapely.geometry.base import BaseGeometry

from planet_vector.geometry.web_mercator import to_degrees
from planet_vector.server.http_errors import HttpError
from planet_vector.server.patience import Patience, held
from planet_vector.server.quad_grid import Bounds, Quad, quads_at_most, quads_of

MAX_QUADS = 500_000
"""Maximum quads of a basemap, summed over its scenes: about 10 s of work and 100 MB."""


@dataclass(frozen=True)
class Member:
    """Scene of a basemap.

    Attributes
    ----------
    scene_id : str
        Id of the scene.
    products : mapping of str to str
        Files of the products that may be shown, by product.
    footprint : shapely geometry
        Footprint in metres of web mercator.
    acquired : str
        Time of acquisition, in the format of the API.
    updated : str
        Time of publication if known, else of acquisition, in the format of the API.
    cloud : float
        Estimated cloud cover in percent; 0 if unknown.
    """

    scene_id: str
    products: Mapping[str, str]
    footprint: BaseGeometry
    acquired: str
    updated: str
    cloud: float


class BasemapLayout:
    """Scenes and quads of a basemap; scenes are ordered from top to bottom.

    Parameters
    ----------
    members : sequence of Member
        The scenes.
    level : int
        Level of the quad grid.
    quads : mapping of Quad to sequence of Member, optional
        Scenes of each quad, if known. Otherwise they are computed on first use.
    """

    def __init__(
        self, members: Sequence[Member], level: int, quads: Optional[Mapping[Quad, Sequence[Member]]] = None
    ) -> None:
        self.members = members
        self._level = level
        self._quads = quads
        self._lock = threading.Lock()
        self._tree: Optional[shapely.STRtree] = None
        self._tree_lock = threading.Lock()  # separate, because `_lock` is held while quads are computed

    def quads(self, patience: Optional[Patience] = None) -> Mapping[Quad, Sequence[Member]]:
        """Return the scenes of each quad, from top to bottom.

        Parameters
        ----------
        patience : Patience, optional
            Time limit and cancellation.

        Raises
        ------
        HttpError
            422 if there are more than `MAX_QUADS`, 503 if the time is used up.
        ClientGone
            If the client has disconnected.
        """
        with held(self._lock, patience):
            if self._quads is None:
                self._quads = self._cut(patience)
            return self._quads

    def box(self) -> Optional[Bounds]:
        """Return the box around the footprints: west, south, east, north in degrees; None without scenes."""
        if not self.members:
            return None
        bounds: List[Bounds] = [member.footprint.bounds for member in self.members]
        wests, souths, easts, norths = zip(*bounds)
        west, south = to_degrees(min(wests), min(souths))
        east, north = to_degrees(max(easts), max(norths))
        return round(west, 6), round(south, 6), round(east, 6), round(north, 6)

    def within(self, bounds: Bounds) -> List[Member]:
        """Return the scenes that intersect a bounding box, from top to bottom.

        Parameters
        ----------
        bounds : tuple of float
            West, south, east, north in metres of web mercator.
        """
        with self._tree_lock:
            if self._tree is None:
                self._tree = shapely.STRtree([member.footprint for member in self.members])
        found = self._tree.query(shapely.box(*bounds), predicate="intersects")
        return [self.members[number] for number in sorted(found.tolist())]

    def of(self, products: FrozenSet[str]) -> BasemapLayout:
        """Return the layout restricted to some products; scenes without any of them are left out.

        Parameters
        ----------
        products : frozenset of str
            Products that may be shown.
        """
        left: Dict[str, Member] = {}
        for member in self.members:
            shown = {name: place for name, place in member.products.items() if name in products}
            if shown:
                left[member.scene_id] = replace(member, products=shown)
        with self._lock:
            known = self._quads
        quads: Optional[Dict[Quad, List[Member]]] = None
        if known is not None:
            cut = {quad: [left[m.scene_id] for m in members if m.scene_id in left] for quad, members in known.items()}
            quads = {quad: members for quad, members in cut.items() if members}
        return BasemapLayout(list(left.values()), self._level, quads)

    def _cut(self, patience: Optional[Patience]) -> Dict[Quad, List[Member]]:
        quads: Dict[Quad, List[Member]] = {}
        tried = 0
        for member in self.members:
            tried += quads_at_most(member.footprint, self._level)
            if tried > MAX_QUADS:
                raise HttpError(
                    422,
                    f"The basemap would have more than {MAX_QUADS} quads of scenes: its definition needs a lower level "
                    f"than {self._level}, or fewer scenes.",
                )
        for member in self.members:
            for number, quad in enumerate(quads_of(member.footprint, self._level)):
                quads.setdefault(quad, []).append(member)
                if patience is not None and not number % 200:
                    patience.check()
        return quads
