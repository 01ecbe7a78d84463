"""Fixtures of the STAC API: services over the sample archive and an order, and validation by the published schemas."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any, Callable, Dict, NamedTuple

import pytest

from tests.server.conftest import DATA, Running, Serve

SCHEMAS = DATA / "stac-schemas"
CORE = "https://schemas.stacspec.org/v1.1.0/"

Check = Callable[[Dict[str, Any]], None]


@pytest.fixture(scope="module")
def sample(serve: Serve, archive: Path) -> Running:
    """Return a service without keys over the sample archive."""
    return serve(archive)


class Schemas(NamedTuple):
    """The published schemas by their id, and a registry of them; all of them local."""

    known: Dict[str, Any]
    registry: Any


@pytest.fixture(scope="session")
def schemas() -> Schemas:
    """Return the schemas of the core, which are those of the pystac wheel, and of the extensions."""
    pytest.importorskip("jsonschema")
    referencing = pytest.importorskip("referencing")
    pytest.importorskip("pystac")
    if not SCHEMAS.is_dir():
        pytest.skip("the schemas of the extensions (../shared/data/stac-schemas) are not here")
    known: Dict[str, Any] = {}
    core = files("pystac") / "validation" / "jsonschemas"
    for folder in (core / "stac-spec" / "v1.1.0", core / "geojson", SCHEMAS):
        for file in folder.iterdir():
            if file.name.endswith(".json"):
                document = json.loads(file.read_text(encoding="utf-8"))
                # The id of one lacks a dot.
                known[re.sub("commonjson$", "common.json", document["$id"].rstrip("#"))] = document
    registry = referencing.Registry().with_resources(
        (name, referencing.Resource.from_contents(document)) for name, document in known.items()
    )
    return Schemas(known, registry)


@pytest.fixture(scope="session")
def check(schemas: Schemas) -> Check:
    """Return a function that validates a document by the core's schema and those of its extensions, all of them local.

    Nothing is fetched: another schema is an error.
    """
    import jsonschema

    known, registry = schemas
    cores = {
        kind: next(
            document for name, document in known.items() if name.startswith(CORE) and name.endswith(f"/{kind}.json")
        )
        for kind in ("item", "collection", "catalog")
    }

    def validate(document: Dict[str, Any]) -> None:
        kind = {"Feature": "item", "Collection": "collection", "Catalog": "catalog"}[document["type"]]
        applied = [cores[kind], *(known[name.rstrip("#")] for name in document.get("stac_extensions", ()))]
        for schema in applied:
            found = jsonschema.Draft7Validator(schema, registry=registry)
            errors = [f"{error.json_path}: {error.message}" for error in found.iter_errors(document)]
            assert not errors, (schema["$id"], errors)

    return validate
