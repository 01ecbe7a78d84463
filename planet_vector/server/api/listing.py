"""Lists of scenes as they go out: a page, its links, and of each scene what a key may see."""

from __future__ import annotations

import hashlib
import json
from typing import Mapping, Optional
from urllib.parse import quote

from planet_vector.server.api.permissions import Permission
from planet_vector.server.http_errors import Refusal
from planet_vector.server.index.database import Index, ResultPage
from planet_vector.server.index.links import BASE
from planet_vector.server.index.scene_search import Parameters, SceneSearch, encode, parse_search
from planet_vector.server.patience import Patience

MAX_LINK = 8000
"""Characters of a link. Proxies refuse longer addresses, so the area of one is kept, and named by its hash."""

_KEPT = "kept:"


def list_page(
    index: Index, permission: Permission, scene_type: str, parameters: Parameters, base: str, patience: Patience
) -> bytes:
    """Return one page of a search.

    Parameters
    ----------
    index : Index
        What is searched.
    permission : Permission
        What the key may see of each scene.
    scene_type : str
        One that the index knows.
    parameters : list of (str, str)
        As they were given.
    base : str
        Root of the links.
    patience : Patience
        How long it may take, and whether its client waits.

    Raises
    ------
    Refusal
        400, when a parameter cannot be used.
    """
    given = [(name, _kept_area(index, value) if name == "intersects" else value) for name, value in parameters]
    search = parse_search(scene_type, given, patience)
    page = index.search(search, patience)
    links = _page_links(index, search, page, f"{base}/v0/scenes/{quote(scene_type)}/")
    return collection(page.total, links, shown(page.features, permission, base))


def collection(count: int, links: Mapping[str, Optional[str]], features: bytes) -> bytes:
    """Return a FeatureCollection of the texts of Features, commas between them."""
    head = f'{{"count":{count},"type":"FeatureCollection","links":{json.dumps(links)},"features":['
    return b"".join([head.encode(), features, b"]}"])


def shown(features: bytes, permission: Permission, base: str) -> bytes:
    """Return Features' texts with the service's root in their links, without the products a key may not see."""
    text = features.replace(BASE.encode(), base.encode())
    if permission.products is None:
        return text
    documents = json.loads(b"[%s]" % text)
    for document in documents:
        products = document["properties"].get("data", {}).get("products")
        if isinstance(products, dict):
            document["properties"]["data"]["products"] = {n: v for n, v in products.items() if permission.allows(n)}
    return json.dumps(documents, separators=(",", ":"))[1:-1].encode()


def _page_links(index: Index, search: SceneSearch, page: ResultPage, address: str) -> Mapping[str, Optional[str]]:
    query = list(search.parameters)
    if search.area_text is not None and len(encode(query)) > MAX_LINK:
        digest = hashlib.sha256(search.area_text.encode()).hexdigest()
        index.keep_area(digest, search.area_text)
        query = [(name, _KEPT + digest if name == "intersects" else value) for name, value in query]

    def link(extra: Parameters) -> str:
        text = encode([*query, *extra])
        return f"{address}?{text}" if text else address

    return {
        "next": link(page.after.parameters) if page.after else None,
        "prev": link(page.before.parameters) if page.before else None,
        "self": link(search.edge.parameters if search.edge else []),
        "first": link([]),
    }


def _kept_area(index: Index, text: str) -> str:
    if not text.startswith(_KEPT):
        return text
    kept = index.kept_area(text[len(_KEPT) :])
    if kept is None:
        raise Refusal(400, "intersects: the area of this link is not kept any more; search again.")
    return kept
