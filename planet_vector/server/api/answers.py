"""Answers of JSON and of pictures: given only to who does not have them, and no larger than they must be."""

from __future__ import annotations

import json
from typing import Any, Callable, Mapping, NamedTuple, Optional

from fastapi import Request
from starlette.responses import Response

from planet_vector.server.api.attending import PICTURES, attend
from planet_vector.server.api.compression import compress
from planet_vector.server.api.conditional import NOT_STORED, Version, is_known, not_modified, unless_known
from planet_vector.server.imagery.kept_pictures import Picture

PICTURE_SECONDS = 60.0
"""Time for a thumbnail or a tile, with the surveys of its files and what is made before it."""

_VARY = {"Vary": "Accept-Encoding"}


def json_answer(request: Request, make: Callable[[], bytes], version: Optional[Version] = None) -> Response:
    """Return an answer of JSON, for a thread: what is asked for again is not made, and what is long is compressed.

    Parameters
    ----------
    request : Request
        What is answered.
    make : callable
        Makes the body; what it raises is the answer.
    version : Version, optional
        What tells the answer from those of other states; None when it is not to be kept.
    """

    def answer() -> Response:
        content, said = compress(make(), request.headers)
        headers = NOT_STORED if version is None else version.headers
        return Response(content, media_type="application/json", headers={**headers, **said})

    return answer() if version is None else unless_known(request.headers, version, answer, _VARY)


def write_json(document: Any) -> bytes:
    """Return a document as it goes out."""
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


class Seen(NamedTuple):
    """Outcome of looking for a picture.

    Attributes
    ----------
    content : bytes or None
        The picture, if it is kept and the client does not have it.
    """

    picture: Picture
    version: Version
    content: Optional[bytes]


def look(request: Request, picture: Picture, private: bool) -> Seen:
    """Look for a picture, for a thread: whether the client has it, or it is kept.

    Raises
    ------
    Refusal
        When it is known that the picture cannot be made.
    """
    version = Version.of_made(private, picture.name)
    return Seen(picture, version, None if is_known(request.headers, version) else picture.kept())


async def picture_answer(
    request: Request, seen: Seen, media_type: str, headers: Optional[Mapping[str, str]] = None
) -> Response:
    """Return the answer of a picture, which is made if it is not kept; of one that the client has, only that."""
    version = seen.version
    if is_known(request.headers, version):
        return not_modified(version)
    content = seen.content
    if content is None:
        content = await attend(request, seen.picture.make, seconds=PICTURE_SECONDS, pool=PICTURES)
    if is_known(request.headers, version, exists=True):
        return not_modified(version)
    return Response(content, media_type=media_type, headers={**version.headers, **(headers or {})})
