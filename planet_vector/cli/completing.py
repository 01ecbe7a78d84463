"""Values that the shell completes: connections, scene types, fields and products.

They are those that a connection knows without a request, except for scene types of services that define their own.
"""

from __future__ import annotations

from concurrent.futures import TimeoutError
from contextlib import suppress
from typing import Callable, Iterable, List

import click

from planet_vector.catalog import Catalog, connect
from planet_vector.collection_schema import COMPARATORS, CollectionSchema
from planet_vector.connection_lookup import all_connections
from planet_vector.errors import PlanetVectorError
from planet_vector.workers import Workers

_PATIENCE = 2.0  # seconds for a request while a user waits at the tab key

Completer = Callable[[click.Context, click.Parameter, str], List[str]]


def _offering(values: Callable[[click.Context], Iterable[str]], several: bool = False) -> Completer:
    """Return a completer of values; of the last one of `several` separated by commas."""

    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> List[str]:
        before, comma, begun = incomplete.rpartition(",") if several else ("", "", incomplete)
        pool = Workers(1)
        # A shell has no place for an error while it completes.
        with suppress(PlanetVectorError, TimeoutError):
            found = pool.submit(lambda: list(values(context))).result(_PATIENCE)
            return [f"{before}{comma}{value}" for value in found if value.startswith(begun)]
        pool.shutdown(wait=False, cancel_futures=True)
        return []

    return complete


def _catalog(context: click.Context) -> Catalog:
    return connect(context.params.get("connection"))


def _types(context: click.Context) -> Iterable[str]:
    catalog = _catalog(context)
    return catalog.known_types or catalog.scene_types()


def _schema(context: click.Context) -> CollectionSchema:
    catalog = _catalog(context)
    wanted = context.params.get("scene_type") or next(iter(catalog.known_types), None)
    if wanted is None or not catalog.known_types:  # describing a collection takes several requests
        raise PlanetVectorError("The columns of the collection are not known without a request.")
    return catalog.schema(wanted)


def _products(context: click.Context) -> Iterable[str]:
    schema = _schema(context)
    return dict.fromkeys([*schema.first_products, *schema.link_columns, "all"])


connections = _offering(lambda context: [each.name for each in all_connections()])
"""Completes the names of connections."""

types = _offering(_types)
"""Completes scene types of the connection."""

comparisons = _offering(lambda context: [*_schema(context).fields, *COMPARATORS])
"""Completes the parts of a comparison: fields and comparators."""

products = _offering(_products, several=True)
"""Completes products of the scene type."""
