"""Access log: one line per response, without keys and signatures."""

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

_SECRET = frozenset({"api_key", "signature", "token"})


class AccessLog:
    """File to which complete lines are appended; lines that cannot be written are dropped without blocking.

    Parameters
    ----------
    path : Path
        Path of the file; ``-`` is standard error.
    """

    def __init__(self, path: Path) -> None:
        self._name = "on standard error" if str(path) == "-" else str(path)
        # Unbuffered: a buffer would keep lines that a full disk rejected, and write them in part later.
        place: Any = sys.stderr.fileno() if str(path) == "-" else path
        self._file: BinaryIO = open(place, "ab", buffering=0, closefd=place is path)
        self._torn = False  # whether the last line is incomplete
        self._lost = 0

    def write(self, line: str) -> None:
        """Append a line; if that fails, drop it, and print one warning to standard error until writing works again.

        Parameters
        ----------
        line : str
            ASCII text with its line break.
        """
        data = memoryview((b"\n" if self._torn else b"") + line.encode("ascii"))
        try:
            while data:
                written = self._file.write(data)
                if written is None:  # a full non-blocking pipe
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
    """Return the log line of a response: combined log format, with the Range header instead of the referrer.

    The time in seconds follows at the end.

    Parameters
    ----------
    scope : Scope
        ASGI scope of the request.
    status : int
        Status of the response.
    sent : int
        Bytes of its body.
    seconds : float
        Time from the request to the end of the response.
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
    with contextlib.suppress(OSError):  # standard error may be the log that cannot be written
        print(message, file=sys.stderr, flush=True)
