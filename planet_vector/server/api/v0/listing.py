"""Pages of scenes: FeatureCollections with links, reduced to the products that a key permits."""

from __future__ import annotations

import hashlib
import json
from typing import Mapping, Optional
from urllib.parse import quote

from planet_vector.server.api.permissions import Permission
from planet_vector.server.http_errors import HttpError
from planet_vector.server.index.database import Index, ResultPage
from planet_vector.server.index.links import BASE
from planet_vector.server.index.scene_search import Parameters, SceneSearch, encode, parse_search
from planet_vector.server.patience import Patience

MAX_LINK = 8000
"""Maximum characters of a link, because proxies refuse longer ones. A longer area is stored and linked by its hash."""

_KEPT = "kept:"


def list_page(
    index: Index, permission: Permission, scene_type: str, parameters: Parameters, base: str, patience: Patience
) -> bytes:
    """Return one page of a search as JSON.

    Parameters
    ----------
    index : Index
        Index to search.
    permission : Permission
        Permission of the key.
    scene_type : str
        Known scene type, such as ``ortho``.
    parameters : list of (str, str)
        Parameters of the request.
    base : str
        Root address of the service, for links.
    patience : Patience
        Time limit and cancellation.

    Returns
    -------
    bytes
        GeoJSON FeatureCollection in UTF-8.

    Raises
    ------
    HttpError
        400 if a parameter is invalid, 503 if the time is used up.
    ClientGone
        If the client has disconnected.
    """
    given = [(name, _kept_area(index, value) if name == "intersects" else value) for name, value in parameters]
    search = parse_search(scene_type, given, patience)
    page = index.search(search, patience)
    links = _page_links(index, search, page, f"{base}/v0/scenes/{quote(scene_type)}/")
    return collection(page.total, links, shown(page.features, permission, base))


def collection(count: int, links: Mapping[str, Optional[str]], features: bytes) -> bytes:
    """Return a FeatureCollection as JSON.

    Parameters
    ----------
    count : int
        Number of scenes on all pages.
    links : mapping of str to str or None
        Addresses of other pages, by relation.
    features : bytes
        JSON of the Features, separated by commas.
    """
    head = f'{{"count":{count},"type":"FeatureCollection","links":{json.dumps(links)},"features":['
    return b"".join([head.encode(), features, b"]}"])


def shown(features: bytes, permission: Permission, base: str) -> bytes:
    """Return Features with absolute links and without the products that a key does not permit.

    Parameters
    ----------
    features : bytes
        JSON of the Features, separated by commas, with a placeholder in their links.
    permission : Permission
        Permission of the key.
    base : str
        Root address of the service, which replaces the placeholder.

    Returns
    -------
    bytes
        JSON of the Features, separated by commas.
    """
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
        raise HttpError(400, "intersects: the area of this link is no longer stored; search again.")
    return kept
