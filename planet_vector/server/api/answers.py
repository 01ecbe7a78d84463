"""JSON and picture responses, with conditional requests (304) and compression."""

from __future__ import annotations

import json
from typing import Any, Callable, Mapping, NamedTuple, Optional

from fastapi import Request
from starlette.responses import Response

from planet_vector.server.api.attending import PICTURES, attend
from planet_vector.server.api.compression import compress
from planet_vector.server.api.conditional import NOT_STORED, Version, is_known, not_modified, unless_known
from planet_vector.server.imagery.picture_making import Picture

PICTURE_SECONDS = 60.0
"""Time limit for a thumbnail or a tile, including the surveys of its files and the pictures it depends on."""

_VARY = {"Vary": "Accept-Encoding"}


def json_answer(
    request: Request,
    make: Callable[[], bytes],
    version: Optional[Version] = None,
    media_type: str = "application/json",
) -> Response:
    """Return a JSON response, compressed if it is long, or 304 if the client has its version.

    Call it in a thread: making and compressing the body takes time.

    Parameters
    ----------
    request : Request
        Request to answer.
    make : callable
        Returns the body. It is not called if the client names the version. Its exceptions propagate.
    version : Version, optional
        Version of the response; None if it must not be cached.
    media_type : str
        Media type of the response.
    """

    def answer() -> Response:
        content, coding = compress(make(), request.headers)
        headers = NOT_STORED if version is None else version.headers
        return Response(content, media_type=media_type, headers={**headers, **coding})

    return answer() if version is None else unless_known(request.headers, version, answer, _VARY)


def write_json(document: Any) -> bytes:
    """Return a document as compact JSON in UTF-8.

    Parameters
    ----------
    document : object
        Document of JSON types, without NaN and infinity.
    """
    try:
        return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:  # metadata of an archive may have lone surrogates, which JSON expresses as escapes only
        return json.dumps(document, allow_nan=False, separators=(",", ":")).encode()


class Seen(NamedTuple):
    """Result of looking up a picture.

    Attributes
    ----------
    picture : Picture
        The requested picture.
    version : Version
        Version of its response.
    content : bytes or None
        Encoded picture, if it is cached and the client does not have it.
    """

    picture: Picture
    version: Version
    content: Optional[bytes]


def look(request: Request, picture: Picture, private: bool) -> Seen:
    """Look up a picture in the cache, unless the client has it; call it in a thread.

    Parameters
    ----------
    request : Request
        Request whose conditional headers are read.
    picture : Picture
        Requested picture.
    private : bool
        Whether the response depends on a key, so that shared caches must not store it.

    Returns
    -------
    Seen
        Picture, version, and content if available.

    Raises
    ------
    HttpError
        If an earlier attempt showed that the picture cannot be made.
    """
    version = Version.of_made(private, picture.name)
    return Seen(picture, version, None if is_known(request.headers, version) else picture.kept())


async def picture_answer(
    request: Request, seen: Seen, media_type: str, headers: Optional[Mapping[str, str]] = None
) -> Response:
    """Return a picture response, made now if it is not cached, or 304 if the client has its version.

    Parameters
    ----------
    request : Request
        Request to answer.
    seen : Seen
        Result of `look`.
    media_type : str
        Media type of the picture, such as ``image/png``.
    headers : mapping of str to str, optional
        Further headers.

    Raises
    ------
    HttpError
        If the picture cannot be made, takes too long, or too many requests wait.
    """
    version = seen.version
    if is_known(request.headers, version):
        return not_modified(version)
    content = seen.content
    if content is None:
        content = await attend(request, seen.picture.make, seconds=PICTURE_SECONDS, pool=PICTURES)
    if is_known(request.headers, version, exists=True):
        return not_modified(version)
    return Response(content, media_type=media_type, headers={**version.headers, **(headers or {})})
