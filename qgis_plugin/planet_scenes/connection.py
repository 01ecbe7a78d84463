"""One connection: a service, its client, the schemas of its collections, and names of what it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Union

from planet_scenes.stored_keys import lend_stored_key
from planet_vector.catalog import Catalog, connect
from planet_vector.collection_schema import CollectionSchema
from planet_vector.keys import lent_key
from planet_vector.names import Name
from planet_vector.query import Query
from planet_vector.roots import normalise_url
from planet_vector.scene import Scene


@dataclass(frozen=True)
class Connection:
    """A service.

    Attributes
    ----------
    name : str
        The name the user gave it.
    url : str
        The root of its API.
    authcfg : str
        Id of the authentication configuration with its key; empty if there is none.
    kind : str
        One of `planet_vector.connections.KINDS`; empty if only the root is known.
    """

    name: str
    url: str
    authcfg: str = ""
    kind: str = ""

    def catalog(self) -> Catalog:
        """Return the client of the service; reads the key if that has not been done.

        Raises
        ------
        ConfigError
            If the key cannot be read.
        """
        if self.authcfg and lent_key(self.url) is None:
            lend_stored_key(self.name, self.url, self.authcfg)
        return connect(self.url)

    def known_schema(self, collection: str) -> Optional[CollectionSchema]:
        """Return the columns and search fields of a collection if that takes neither a key nor a request, else None.

        Parameters
        ----------
        collection : str
            The collection.

        Raises
        ------
        ConfigError
            If the settings cannot be used.
        """
        return connect(self.url).known_schema(collection) if collection else None

    def name_of(self, what: Union[Query, Scene, str], product: str = "") -> str:
        """Return the ``PLANET:`` name of a search, a scene, a product or a whole collection at this service.

        Parameters
        ----------
        what : Query, Scene or str
            The search, the scene, or the name of the collection.
        product : str, optional
            A product of the scene.
        """
        root = ("api_url", normalise_url(self.url))
        if isinstance(what, str):
            return str(Name(what, parameters=(root,)))
        if isinstance(what, Scene):
            return str(Name(what.scene_type, what.id, product, (root,)))
        limit = [("limit", str(what.limit))] if what.limit is not None else []
        return str(Name(what.scene_type, parameters=(*what.parameters, *limit, root)))
