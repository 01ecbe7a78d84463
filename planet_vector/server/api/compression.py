"""Whether an answer goes out as gzip, as its client's Accept-Encoding has it (RFC 9110, section 12.5.3)."""

from __future__ import annotations

import gzip
import re
from typing import Dict, Tuple

from starlette.datastructures import Headers

LEAST = 1000
"""Bytes of an answer that is worth it: less fits into one packet anyway."""

LEVEL = 1
"""A page of 1000 scenes (1.27 MB) takes 8 ms and becomes 0.22 MB; at level 6 it takes four times that, for 0.18 MB."""

_CODING = re.compile(r"\s*([A-Za-z0-9!#$%&'*+.^_`|~-]+)\s*(?:;\s*[qQ]\s*=\s*([01](?:\.\d{0,3})?)\s*)?", re.ASCII)


def compress(content: bytes, headers: Headers) -> Tuple[bytes, Dict[str, str]]:
    """Return a body as it goes out, and the headers that say so.

    Parameters
    ----------
    content : bytes
        The body; compressing it takes milliseconds a megabyte, so not in the event loop.
    headers : Headers
        Of the request.
    """
    said = {"Vary": "Accept-Encoding"}
    weights = _weights(",".join(headers.getlist("accept-encoding")))
    ours = weights.get("gzip", weights.get("x-gzip", weights.get("*", 0.0)))
    plain = weights.get("identity", weights.get("*"))  # None: not told, and so taken where nothing else is better
    if not ours or (plain is not None and plain > ours) or (plain != 0 and len(content) < LEAST):
        return content, said
    return gzip.compress(content, LEVEL, mtime=0), {**said, "Content-Encoding": "gzip"}


def _weights(accepted: str) -> Dict[str, float]:
    """Return what a client thinks of each coding it names; what is not understood is left out."""
    found = (_CODING.fullmatch(part) for part in accepted.split(","))
    return {match[1].lower(): float(match[2] or 1) for match in found if match is not None}
