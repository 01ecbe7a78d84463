"""Products as files: with ranges, by the service itself or by a second origin behind a signed address.

The real service answered ``/full`` with a redirect to an object store on another host. Its store took an address
signed for GET, for a while, and refused requests that carried credentials of their own; so does this one.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from pathlib import Path
from typing import List, Optional
from urllib.parse import quote, urlencode

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from planet_vector.item_ids import file_name
from planet_vector.pixels.completing import Completed
from planet_vector.server.api.attending import CHEAP, attend
from planet_vector.server.api.conditional import NOT_STORED, Version, is_known, not_modified
from planet_vector.server.api.item_paths import SCENE_ID
from planet_vector.server.api.ranges import Range, attachment, read_ranges
from planet_vector.server.archive.products import Products
from planet_vector.server.http_errors import Refusal
from planet_vector.server.index.database import Index
from planet_vector.server.patience import ClientGone, Patience

SECONDS = 10.0  # for what takes milliseconds where the disk does not hang
_CODES = {404: "NoSuchKey", 503: "SlowDown"}


class Signer:
    """Signer of the addresses of products, which also checks signatures.

    Parameters
    ----------
    life : float
        Seconds an address can be used.
    secret : bytes, optional
        What signatures are made with; several processes must share it.
    """

    def __init__(self, life: float, secret: Optional[bytes] = None) -> None:
        self.life = life
        self._secret = secret or secrets.token_bytes(32)

    def sign(self, path: str) -> str:
        """Return a path with an expiry (seconds since 1970) and a signature in its query."""
        expires = f"{time.time() + self.life:.3f}"
        return f"{path}?{urlencode({'Expires': expires, 'Signature': self._signature(path, expires)})}"

    def check(self, path: str, expires: str, signature: str) -> bool:
        """Tell whether the signature is good and not expired."""
        good = hmac.compare_digest(self._signature(path, expires).encode(), signature.encode())
        return good and float(expires) > time.time()

    def _signature(self, path: str, expires: str) -> str:
        return hmac.new(self._secret, f"GET\n{path}\n{expires}".encode(), hashlib.sha256).hexdigest()


def product_response(request: Request, body: Completed, name: str, version: Version) -> Response:
    """Return a GeoTIFF as an attachment; it answers HEAD, ranges, and what asks whether it is another.

    Parameters
    ----------
    request : Request
        Its headers are read.
    body : Completed
        What is delivered.
    name : str
        How clients call it.
    version : Version
        What tells it from others.

    Raises
    ------
    Refusal
        400 or 416, when a Range cannot be met; 503, when it is being replaced.
    """
    # The order of RFC 9110, section 13.2.2: a client that has the whole file needs no range of it.
    if is_known(request.headers, version, exists=True):
        return not_modified(version)
    span, condition = request.headers.get("range"), request.headers.get("if-range")
    ranges: List[Range] = []
    # A unit that is not known is ignored (section 14.2), and so is a range of another version (13.1.5). Dates do not
    # tell versions apart: a file may be replaced within a second, or by one of the same time.
    if span is not None and span.strip().lower().startswith("bytes") and condition in (None, version.tag):
        ranges = read_ranges(span, body.size)
    return attachment(body, name, "image/tiff", version.headers, ranges, request.method == "HEAD")


def product_path(scene_type: str, scene_id: str, product: str) -> str:
    """Return the path of a product on the second origin."""
    return f"/{quote(scene_type)}/{quote(scene_id, safe='')}/{quote(product)}.tif"


def create_delivery(root: Path, index: Index, signer: Signer) -> Starlette:
    """Make the second origin.

    Parameters
    ----------
    root : Path
        The archive.
    index : Index
        Its index.
    signer : Signer
        As the service signs.
    """
    products = Products(root)

    async def deliver(request: Request) -> Response:
        if "authorization" in request.headers or "api_key" in request.query_params:
            return _error(400, "InvalidArgument", "Only one auth mechanism allowed: the signature, and no credentials.")
        path = request.scope["raw_path"].decode("latin-1").partition("?")[0]
        query = request.query_params
        if request.method != "GET" or not signer.check(path, query.get("Expires", ""), query.get("Signature", "")):
            return _error(403, "AccessDenied", "The address is signed for GET, and for a while only.")
        scene_type, scene_id, product = (request.path_params[name] for name in ("scene_type", "scene_id", "product"))

        def answer(patience: Patience) -> Response:
            found = index.find(scene_type, scene_id)
            place = found and found.products.get(product)
            try:
                body = products.find(place) if place else None
                if body is None:
                    return _error(404, "NoSuchKey", "There is no such product any more.")
                version = Version.of_product(body, private=True)
                return product_response(request, body, file_name(scene_id, f"{product}.tif"), version)
            except Refusal as refusal:
                return _error(refusal.status, _CODES.get(refusal.status, "InvalidRange"), refusal.message)

        try:
            return await attend(request, answer, seconds=SECONDS, pool=CHEAP)
        except Refusal as refusal:
            return _error(refusal.status, "SlowDown", refusal.message)
        except ClientGone:
            return Response(status_code=499)

    methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"]
    return Starlette(routes=[Route(f"/{{scene_type}}/{SCENE_ID}/{{product}}.tif", deliver, methods=methods)])


def _error(status: int, code: str, message: str) -> Response:
    # Object stores speak XML.
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return Response(body, status, NOT_STORED, media_type="application/xml")
