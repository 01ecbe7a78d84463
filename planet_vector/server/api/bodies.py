"""Request bodies, with limits on size, time and total memory; large ones are parsed in worker processes."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from fastapi import Request

from planet_vector.server.http_errors import HttpError
from planet_vector.server.index.scene_search import Parameters, read_body
from planet_vector.server.index.searched_area import JOBS
from planet_vector.server.jobs import JobError
from planet_vector.server.patience import ClientGone, Patience
from planet_vector.server.strict_json import read_json

MAX_BODY = 4 * 2**20
"""Maximum bytes of a body: about 100 000 positions, more than an area may have."""

MAX_SMALL_BODY = 64 * 2**10
"""Maximum bytes of a body that is parsed in the event loop, and of a login. Larger bodies are parsed in a process."""

MAX_BODIES = 64 * 2**20
"""Maximum total bytes of large bodies in memory; further large requests are refused with 503."""

BODY_SECONDS = 60.0
"""Time limit for receiving a body."""


class Body:
    """Context manager for the body of a request, which counts towards `MAX_BODIES` until the block is left."""

    _held: ClassVar[int] = 0  # bytes of large bodies, in this process; changed in the event loop alone

    def __init__(self) -> None:
        self._content = bytearray()
        self._counted = 0

    def __enter__(self) -> Body:
        return self

    def __exit__(self, *_: object) -> None:
        Body._held -= self._counted

    async def read(self, request: Request, most: int = MAX_BODY) -> None:
        """Receive the body of a request.

        Parameters
        ----------
        request : Request
            Request whose body has not been read.
        most : int
            Maximum length in bytes.

        Raises
        ------
        HttpError
            408 if it takes longer than `BODY_SECONDS`, 413 if it is longer than `most`, 503 if too many large bodies
            are in memory.
        ClientGone
            If the client disconnects before the end of the body.
        """
        try:
            await asyncio.wait_for(self._read(request, most), BODY_SECONDS)
        except asyncio.TimeoutError:
            raise HttpError(408, f"The body did not come within {BODY_SECONDS:g} s.", {"Connection": "close"}) from None

    def parameters(self, request: Request) -> Parameters:
        """Return the parameters in a small body.

        Parameters
        ----------
        request : Request
            Request, for its Content-Type.

        Raises
        ------
        HttpError
            As `planet_vector.server.index.scene_search.read_body`.
        """
        return read_body(request.headers.get("content-type", ""), bytes(self._content))

    def large_parameters(self, request: Request, patience: Patience) -> Parameters:
        """Return the parameters in a large body, parsed in a worker process.

        Parameters
        ----------
        request : Request
            Request, for its Content-Type.
        patience : Patience
            Cancels the work if the client disconnects.

        Raises
        ------
        HttpError
            As `planet_vector.server.index.scene_search.read_body`, or 400 if parsing exceeds its time or memory limit.
        """
        try:
            kind = request.headers.get("content-type", "")
            return JOBS.run(read_body, kind, bytes(self._content), patience=patience)
        except JobError as error:
            raise HttpError(400, f"The body {error}: simplify the area.") from None

    def document(self, request: Request, patience: Patience) -> object:
        """Return the JSON document in a body, parsed in a worker process if it is large.

        Parameters
        ----------
        request : Request
            Request, for its Content-Type.
        patience : Patience
            Cancels the work if the client disconnects.

        Raises
        ------
        HttpError
            415, if the content type is not JSON; 400, if the body is not JSON, or parsing exceeds its time or memory
            limit.
        """
        kind, content = request.headers.get("content-type", ""), bytes(self._content)
        if not self.is_large:
            return read_document(kind, content)
        try:
            return JOBS.run(read_document, kind, content, patience=patience)
        except JobError as error:
            raise HttpError(400, f"The body {error}: simplify the area.") from None

    @property
    def is_large(self) -> bool:
        """Whether the body is too large to be parsed in the event loop."""
        return len(self._content) > MAX_SMALL_BODY

    async def _read(self, request: Request, most: int) -> None:
        too_long = HttpError(413, f"The body is longer than {most} bytes: simplify the area.", {"Connection": "close"})
        if int(request.headers.get("content-length", "0")) > most:  # h11 has checked that it is a number
            raise too_long
        while True:
            message = await request.receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            self._content += message.get("body", b"")
            if len(self._content) > most:
                raise too_long
            if self.is_large:
                Body._held += len(self._content) - self._counted
                self._counted = len(self._content)
                if Body._held > MAX_BODIES:
                    raise HttpError(
                        503,
                        "The service is busy with other large requests: try again later.",
                        {"Retry-After": "10", "Connection": "close"},
                    )
            if not message.get("more_body", False):
                return


def read_document(content_type: str, body: bytes) -> object:
    """Parse a body of JSON.

    Parameters
    ----------
    content_type : str
        Value of the header Content-Type; may be empty.
    body : bytes
        The request body.

    Returns
    -------
    object
        The document as dict, list, str, int, float, bool or None.

    Raises
    ------
    HttpError
        415, if the content type is not JSON; 400, if the body is not JSON.
    """
    if content_type.partition(";")[0].strip().lower() not in ("", "application/json", "application/geo+json"):
        raise HttpError(415, "A search is posted as application/json.")
    try:
        return read_json(body.decode(), "The body")
    except UnicodeDecodeError:
        raise HttpError(400, "The body is not UTF-8.") from None
