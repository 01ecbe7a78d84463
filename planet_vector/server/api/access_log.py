"""Access log: a line about each answer, without keys and signatures."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import parse_qsl, quote, urlencode

from starlette.types import Scope

_SECRET = frozenset({"api_key", "signature"})


class AccessLog:
    """File that lines are appended to, each as a whole; what cannot be written is lost, and holds nobody up.

    Parameters
    ----------
    path : Path
        The file; ``-`` is standard error.
    """

    def __init__(self, path: Path) -> None:
        self._name = "on standard error" if str(path) == "-" else str(path)
        # Without a buffer: what a full disk did not take would stand before what comes later, and be torn again.
        place: Any = sys.stderr.fileno() if str(path) == "-" else path
        self._file: BinaryIO = open(place, "ab", buffering=0, closefd=place is path)
        self._torn = False  # whether the last line has no end
        self._lost = 0

    def write(self, line: str) -> None:
        """Append a line of ASCII. If it cannot be written, that is told on standard error once, until it can."""
        data = memoryview((b"\n" if self._torn else b"") + line.encode("ascii"))
        try:
            while data:
                written = self._file.write(data)
                if written is None:  # a pipe that is full, and not to be waited for
                    raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
                self._torn, data = True, data[written:]
        except OSError as error:
            if not self._lost:
                _tell(f"The access log {self._name} cannot be written ({error.strerror}): lines are lost until it can.")
            self._lost += 1
            return
        self._torn = False
        if self._lost:
            _tell(f"The access log {self._name} can be written again; {self._lost} lines are lost.")
            self._lost = 0

    def close(self) -> None:
        """Close the file; standard error stays open."""
        self._file.close()


def log_line(scope: Scope, status: int, sent: int, seconds: float) -> str:
    """Return the line about an answer, in the combined log format with the range asked for and the seconds.

    Parameters
    ----------
    scope : Scope
        The request.
    status : int
        Of the answer.
    sent : int
        Bytes of its body.
    seconds : float
        From the request to the end of the answer.
    """
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    client = scope["client"][0] if scope.get("client") else "-"
    key = quote(str(scope.get("planet_vector.key", "-")), safe="-_.") or "-"
    moment = datetime.now(timezone.utc).strftime("%d/%b/%Y:%H:%M:%S +0000")
    query = _without_secrets(scope["query_string"].decode("latin-1"))
    target = quote(scope["path"], safe="/:@!$&'()*+,;=-._~") + (f"?{query}" if query else "")
    agent = quote(headers.get(b"user-agent", "-"), safe=" /:;()+,.=-_")
    span = quote(headers.get(b"range", "-"), safe="=,-")
    return (
        f'{client} - {key} [{moment}] "{scope["method"]} {target} HTTP/{scope["http_version"]}" {status} {sent} '
        f'"{span}" "{agent}" {seconds:.4f}\n'
    )


def _without_secrets(query: str) -> str:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=200)
    except ValueError:
        return "..."
    kept = [(n, "..." if n.strip().lower() in _SECRET else v[:500]) for n, v in pairs]
    return urlencode(kept, safe=":,()")


def _tell(message: str) -> None:
    with contextlib.suppress(OSError):  # standard error may be what cannot be written: then nobody can be told
        print(message, file=sys.stderr, flush=True)
