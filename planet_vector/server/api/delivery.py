"""Delivery of product files with ranges, by the API itself or by a second origin with signed addresses.

The real service redirected ``/full`` to an object store on another host. That store accepted addresses signed for GET
for a limited time, and refused requests with other credentials. The second origin does the same.
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
from planet_vector.server.archive.raster_names import delivered_suffix, delivered_type
from planet_vector.server.http_errors import HttpError
from planet_vector.server.index.database import Index
from planet_vector.server.patience import ClientGone, Patience

SECONDS = 10.0  # time limit for work that takes milliseconds unless the disk hangs
_CODES = {404: "NoSuchKey", 503: "SlowDown"}


class Signer:
    """Signer of product addresses, which also checks signatures.

    Parameters
    ----------
    life : float
        Validity of an address, in seconds.
    secret : bytes, optional
        Secret of the signatures, random by default. All processes of a service must share it.
    """

    def __init__(self, life: float, secret: Optional[bytes] = None) -> None:
        self.life = life
        self._secret = secret or secrets.token_bytes(32)

    def sign(self, path: str) -> str:
        """Return a path with an expiry (seconds since 1970) and a signature in its query.

        Parameters
        ----------
        path : str
            Percent-encoded path, without a query.
        """
        expires = f"{time.time() + self.life:.3f}"
        return f"{path}?{urlencode({'Expires': expires, 'Signature': self._signature(path, expires)})}"

    def check(self, path: str, expires: str, signature: str) -> bool:
        """Return whether a signature is valid and not expired.

        Parameters
        ----------
        path : str
            Percent-encoded path of the request, without its query.
        expires : str
            ``Expires`` of the query, in seconds since 1970.
        signature : str
            ``Signature`` of the query, in hexadecimal digits.
        """
        good = hmac.compare_digest(self._signature(path, expires).encode(), signature.encode())
        return good and float(expires) > time.time()

    def digest(self, content: bytes) -> bytes:
        """Return the signature of something other than a path.

        Parameters
        ----------
        content : bytes
            What is signed.
        """
        return hmac.new(self._secret, b"\0" + content, hashlib.sha256).digest()

    def _signature(self, path: str, expires: str) -> str:
        return hmac.new(self._secret, f"GET\n{path}\n{expires}".encode(), hashlib.sha256).hexdigest()


def product_response(
    request: Request, body: Completed, name: str, version: Version, media_type: str = "image/tiff"
) -> Response:
    """Return a file as an attachment, with support for HEAD, ranges and conditional requests.

    Parameters
    ----------
    request : Request
        Request whose method and headers are read.
    body : Completed
        Content of the file.
    name : str
        File name for the client.
    version : Version
        Version of the file.
    media_type : str
        Its media type.

    Raises
    ------
    HttpError
        400 or 416 if the Range header is invalid or cannot be satisfied, 404 if the file cannot be opened, 503 if it
        is being replaced.
    """
    # Order of RFC 9110, section 13.2.2: conditions precede ranges.
    if is_known(request.headers, version, exists=True):
        return not_modified(version)
    span, condition = request.headers.get("range"), request.headers.get("if-range")
    ranges: List[Range] = []
    # Unknown units are ignored (section 14.2), and so are ranges of another version (13.1.5). A date in If-Range never
    # matches: a file may be replaced within a second, or by one with the same time.
    if span is not None and span.strip().lower().startswith("bytes") and condition in (None, version.tag):
        ranges = read_ranges(span, body.size)
    return attachment(body, name, media_type, version.headers, ranges, request.method == "HEAD")


def product_path(scene_type: str, scene_id: str, product: str, suffix: str) -> str:
    """Return the percent-encoded path of a product on the second origin.

    Parameters
    ----------
    scene_type : str
        Scene type, such as ``ortho``.
    scene_id : str
        Id of the scene.
    product : str
        Name of the product, such as ``visual``.
    suffix : str
        Result of `planet_vector.server.archive.raster_names.delivered_suffix`.
    """
    return f"/{quote(scene_type)}/{quote(scene_id, safe='')}/{quote(product)}{suffix}"


def create_delivery(root: Path, index: Index, signer: Signer) -> Starlette:
    """Create the application of the second origin.

    Parameters
    ----------
    root : Path
        Folder of the archive.
    index : Index
        Index of its scenes.
    signer : Signer
        Signer of the API, or one with the same secret.

    Returns
    -------
    Starlette
        Application that delivers products at signed addresses.
    """
    products = Products(root)

    async def deliver(request: Request) -> Response:
        if "authorization" in request.headers or "api_key" in request.query_params:
            return _error(400, "InvalidArgument", "Only one auth mechanism allowed: the signature, and no credentials.")
        path = request.scope["raw_path"].decode("latin-1").partition("?")[0]
        query = request.query_params
        if request.method != "GET" or not signer.check(path, query.get("Expires", ""), query.get("Signature", "")):
            return _error(403, "AccessDenied", "The signature is invalid or has expired; it permits GET only.")
        scene_type, scene_id, product = (request.path_params[name] for name in ("scene_type", "scene_id", "product"))

        def answer(patience: Patience) -> Response:
            found = index.find(scene_type, scene_id)
            place = found.products.get(product) if found else None
            try:
                body = products.find(place) if place else None
                if place is None or body is None:
                    return _error(404, "NoSuchKey", "The product no longer exists.")
                version = Version.of_product(body, private=True)
                name = file_name(scene_id, product + delivered_suffix(place))
                return product_response(request, body, name, version, delivered_type(place))
            except HttpError as refusal:
                return _error(refusal.status, _CODES.get(refusal.status, "InvalidRange"), refusal.message)

        try:
            return await attend(request, answer, seconds=SECONDS, pool=CHEAP)
        except HttpError as refusal:
            return _error(refusal.status, "SlowDown", refusal.message)
        except ClientGone:
            return Response(status_code=499)

    methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"]
    return Starlette(
        routes=[
            Route(f"/{{scene_type}}/{SCENE_ID}/{{product}}{suffix}", deliver, methods=methods)
            for suffix in (".tif", ".jp2")
        ]
    )


def _error(status: int, code: str, message: str) -> Response:
    # Object stores return errors as XML.
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return Response(body, status, NOT_STORED, media_type="application/xml")
