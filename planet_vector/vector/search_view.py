"""A reusable view of the scenes of a search."""

from __future__ import annotations

import operator
import sys
from contextlib import closing
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Iterator, List, Mapping, Optional, Tuple, Union, overload

from planet_vector.catalog import Catalog
from planet_vector.collection_schema import Feature, value_at
from planet_vector.extras import named_extra
from planet_vector.names import Name
from planet_vector.progress import Progress, bar_for
from planet_vector.query import Query
from planet_vector.scene import Scene
from planet_vector.times import format_time
from planet_vector.vector.found_scenes import FoundScenes
from planet_vector.vector.result_cache import CACHE
from planet_vector.vector.schema import Schema
from planet_vector.vector.texts import held

if TYPE_CHECKING:
    import geopandas
    import pyarrow
    import xarray

    from planet_vector.maps.inline import InlineMap

_ALL = range(sys.maxsize)  # indices of any number of scenes
_IN_REPR = 120  # most characters of the name shown
_IN_HTML = 10  # most scenes shown


class Search:
    """View of the scenes of a search, in its order; may be read repeatedly, by several threads.

    A faulty search raises its error when the view is created; requests are sent when scenes are accessed. Scenes are
    requested once: this view keeps what it has read, and other views of the same search created within
    ``PLANET_CACHE_TTL`` seconds share it (300 by default; with 0, nothing is shared). A failed request raises its
    error; the next access sends it again.

    ==========================  =====================================================================================
    ``for scene in search``     from the first scene on, each as soon as its page is read
    ``search[7]``               one scene; reads pages up to it
    ``search[:50]``             a view of some of the scenes; makes no request
    ``search[-1]``              negative indices and steps require a known count
    ``search.count()``          the number of scenes; one request, unless it is known
    ``len(search)``             the same without a request; TypeError if it is not known
    ``bool(search)``            whether there are any scenes; reads one page at most, which is cached
    ``x in search``             whether the search contains a scene, given as `Scene` or by id
    ``reversed(search)``        the last scene first; requires a known count
    ``repr(search)``            the search, with count and time span if they are known
    ``search.to_arrow()``       all scenes as an Arrow table, with the columns of the layer
    ``search.to_geopandas()``   the same as a data frame
    ``search.to_parquet(path)`` the same as a GeoParquet file
    ``search.to_xarray()``      the pixels of its area over time, as a lazy cube
    ``search.map()``            the scenes on a map within a notebook
    ``search.close()``          drops pending requests
    ==========================  =====================================================================================

    The count is known once it was requested or all scenes were read. The two may differ, as scenes are published at any
    time; the number of scenes read then takes precedence. A search is not an iterator: its first scene is
    ``search[0]``. Methods on all scenes also work on slices, such as ``search[:50]``.

    Tables are read from the service's pages without an object for each scene, and kept as scenes are: a table after a
    table, or after all scenes, costs no request. Scenes after a table do. Programs that take Arrow's PyCapsule
    interface (``__arrow_c_stream__``), such as polars and lonboard, take a search itself.

    Parameters
    ----------
    catalog : Catalog
        The service.
    query : Query
        The search.
    name : Name
        Its name, for messages.
    found : FoundScenes, optional
        Its cached scenes; by default those that views of the same search share.

    Attributes
    ----------
    catalog : Catalog
        The service.
    query : Query
        The search.
    """

    def __init__(self, catalog: Catalog, query: Query, name: Name, found: Optional[FoundScenes] = None) -> None:
        self.catalog = catalog
        self.query = query
        self._name = name
        self._found = found or self._shared()
        self._places = _ALL
        self._page: Tuple[int, List[Feature]] = (0, [])  # the page last used by an index

    def count(self) -> int:
        """Return the number of scenes; requests it if it is not known.

        A service that does not count has all scenes read.

        Raises
        ------
        ServiceError
            If the request fails.
        """
        found = self._now()
        if found.total is None and found.counted is None:
            found.counted = self.catalog.count(self.query)
            if found.counted is None:
                for _ in found.pages():
                    pass
        return len(self)

    def to_arrow(self, progress: Union[bool, Progress] = None) -> pyarrow.Table:
        """Return the scenes as an Arrow table, with the columns of the layer.

        Parameters
        ----------
        progress : bool or callable, optional
            True for a progress bar, or called with the number of scenes read and their total, which costs a request.

        Returns
        -------
        pyarrow.Table
            Times in UTC. The last column, ``geometry``, has the footprints as WKB (``geoarrow.wkb``), MultiPolygons in
            EPSG:4326, longitude before latitude.

        Raises
        ------
        ServiceError
            If a request fails.
        """
        with named_extra():
            from planet_vector.vector import arrow_tables
        schema, found = Schema(self.query.schema), self._now()
        if found.table is None and (found.total is not None or self._places != _ALL):
            return arrow_tables.table_of(schema, (scene.feature for scene in self))
        told = bar_for(progress, "Scenes", "")
        table = found.table_by(lambda: arrow_tables.read_table(self.catalog, self.query, told))
        return table if self._places == _ALL else table.take(list(_below(len(table), self._places)))

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Return the scenes as a stream of Arrow's C data interface, for programs that read its capsules.

        Parameters
        ----------
        requested_schema : capsule, optional
            As Arrow's PyCapsule interface defines it.
        """
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    def to_geopandas(self, progress: Union[bool, Progress] = None) -> geopandas.GeoDataFrame:
        """Return the scenes as a data frame, with the columns of the layer.

        Parameters
        ----------
        progress : bool or callable, optional
            As for `to_arrow`.

        Returns
        -------
        geopandas.GeoDataFrame
            Times in UTC; footprints as MultiPolygon in EPSG:4326, longitude before latitude.

        Raises
        ------
        ServiceError
            If a request fails.
        """
        with named_extra():
            from planet_vector.vector import arrow_tables
        return arrow_tables.to_geopandas(self.to_arrow(progress))

    def to_parquet(self, path: Union[str, Path], progress: Union[bool, Progress] = None) -> None:
        """Write the scenes to a GeoParquet file, with the columns of the layer.

        Parameters
        ----------
        path : str or Path
            The file; an existing one is replaced once the new one is complete.
        progress : bool or callable, optional
            As for `to_arrow`.

        Raises
        ------
        ServiceError
            If a request fails.
        OSError
            If the file cannot be written.
        """
        with named_extra():
            from planet_vector.vector import arrow_tables
        arrow_tables.write_parquet(self.to_arrow(progress), Path(path))

    def to_xarray(
        self,
        *,
        area: object = None,
        partly: bool = True,
        product: Optional[str] = None,
        dst_crs: object = None,
        resampling: str = "nearest",
        mask: Optional[str] = None,
        index: Optional[str] = None,
        activate: Union[bool, Progress] = False,
        chunks: Optional[Mapping[str, int]] = None,
    ) -> xarray.Dataset:
        """Return the pixels of the search's area as a cube over time, y and x, as `planet_vector.to_xarray`.

        Parameters
        ----------
        area : shapely geometry, mapping or str, optional
            The area of the cube; by default that of the search, else the ground of all scenes.
        partly : bool
            Take scenes that cover only a part of the area, too; their other pixels are missing data.
        product, dst_crs, resampling, mask, index, activate, chunks
            As for `planet_vector.to_xarray`.

        Returns
        -------
        xarray.Dataset
            A variable for each band, as lazy dask arrays.

        Raises
        ------
        PlanetVectorError
            As `planet_vector.to_xarray` does.
        """
        from planet_vector import to_xarray

        return to_xarray(
            self, area=area, partly=partly, product=product, dst_crs=dst_crs, resampling=resampling, mask=mask,
            index=index, activate=activate, chunks=chunks,
        )  # fmt: skip

    def map(self, height: int = 560, overlays: int = 0) -> InlineMap:
        """Return a map of the scenes for a notebook, which shows it within the cell, as `planet_vector.show_map`.

        Parameters
        ----------
        height : int
            Height in the notebook, in pixels.
        overlays : int
            The number of pictures on the map, of the newest scenes.

        Returns
        -------
        planet_vector.maps.inline.InlineMap
            The map.
        """
        from planet_vector import show_map

        return show_map(self, height=height, overlays=overlays)

    def close(self) -> None:
        """Drop pending requests; scenes read before stay cached, and the next access requests the rest."""
        self._found.close()

    def __iter__(self) -> Iterator[Scene]:
        places = self._places
        if places.step < 0:
            yield from reversed(list(self._part(places[::-1])))
            return
        start, stop, step = places.start, places.stop, places.step
        if start >= stop:
            return
        with closing(self._now().pages(start)) as pages:
            for first, features in pages:
                end = first + len(features)
                # The wanted indices on this page; divisions round up.
                for place in places[-(-max(0, first - start) // step) : -(-max(0, min(end, stop) - start) // step)]:
                    yield self._scene(features[place - first])
                if stop <= end:
                    return

    def __reversed__(self) -> Iterator[Scene]:
        return iter(self[::-1])

    @overload
    def __getitem__(self, index: int) -> Scene: ...

    @overload
    def __getitem__(self, index: slice) -> Search: ...

    def __getitem__(self, index: Union[int, slice]) -> Union[Scene, Search]:
        if isinstance(index, slice):
            numbers = [operator.index(part) for part in (index.start, index.stop, index.step) if part is not None]
            return self._part((self._exact() if min(numbers, default=0) < 0 else self._places)[index])
        number = operator.index(index)
        places = self._exact() if number < 0 else self._places
        found = self._at(places[number]) if -len(places) <= number < len(places) else None
        if found is None:
            raise IndexError(f"There is no scene {number} in {self._description()}.")
        return found

    def __len__(self) -> int:
        found = self._now()
        total = found.counted if found.total is None else found.total
        if total is None:
            raise TypeError(
                "How many scenes the search finds is not known yet: count() asks the service, list() reads them all."
            )
        return len(_below(total, self._places))

    def __bool__(self) -> bool:
        return next(iter(self), None) is not None

    def __contains__(self, item: object) -> bool:
        if isinstance(item, Scene):
            return item.schema == self.query.schema and item.id in self
        return any(scene.id == item for scene in self)

    def __repr__(self) -> str:
        return f"<Search {self._description()}>"

    def _repr_html_(self) -> str:
        """Return a table of the first scenes, if they were read; makes no request."""
        head = "".join(f"<th>{name}</th>" for name in ("id", "acquired", "cloud cover", "products"))
        rows = []
        if self._found.read and self._found.spoilt is None:
            for scene in self._part(_below(self._found.read, self._places)[:_IN_HTML]):
                acquired = value_at(scene.properties, scene.schema.meanings.time)
                cells = (scene.id, acquired, scene.cloud_cover, ", ".join(scene.products))
                rows.append("".join(f"<td>{escape(held(str(cell)))}</td>" for cell in cells))
        lines = "".join(f"<tr>{row}</tr>" for row in rows)
        return f"<table><caption>{escape(self._description())}</caption><tr>{head}</tr>{lines}</table>"

    def _description(self) -> str:
        """Return the name of the search, which contains no key, and count and time span if they are known."""
        name, places = str(self._name), self._places
        told = name if len(name) <= _IN_REPR else name[: _IN_REPR - 1] + "…"
        if places != _ALL:
            told += f", from {places.start}" + (f" to {places.stop}" if places.stop != _ALL.stop else "")
            told += f" by {places.step}" if places.step != 1 else ""
        try:
            count = len(self)
        except TypeError:
            return f"{told}: not counted yet"
        span = self._found.span if places == _ALL else None
        times = " to ".join(format_time(time.replace(microsecond=0))[:-6] + "Z" for time in span) if span else ""
        return f"{told}: {count} scene{'' if count == 1 else 's'}{', ' if times else ''}{times}"

    def _now(self) -> FoundScenes:
        """Return the cached scenes; a new cache if the old one became unusable."""
        if self._found.spoilt is not None:
            self._found = self._shared()
        return self._found

    def _shared(self) -> FoundScenes:
        settings = self.catalog.settings
        return CACHE.found(settings.identity, self.query, settings.cache_ttl, self.catalog.pages)

    def _part(self, places: range) -> Search:
        part = Search(self.catalog, self.query, self._name, self._found)
        part._places = places
        return part

    def _exact(self) -> range:
        """Return the indices of existing scenes, reading all of them; raise TypeError if the count is not known."""
        len(self)
        found = self._now()
        if found.total is None and found.table is not None:
            return _below(len(found.table), self._places)
        if found.total is None:
            for _ in found.pages():
                pass
        assert found.total is not None
        return _below(found.total, self._places)

    def _at(self, place: int) -> Optional[Scene]:
        """Return the scene at an index of the whole search, reading pages up to it; None beyond the last."""
        first, features = self._page
        if not first <= place < first + len(features):
            with closing(self._now().pages(place)) as pages:
                page = next(((first, some) for first, some in pages if place < first + len(some)), None)
            if page is None:
                return None
            self._page = first, features = page
        return self._scene(features[place - first])

    def _scene(self, feature: Feature) -> Scene:
        return Scene(feature, self.query.schema, self.catalog)


def _below(total: int, places: range) -> range:
    """Return the indices below a total."""
    if places.step < 0:
        return places  # created with a known total
    return range(places.start, max(places.start, min(places.stop, total)), places.step)
