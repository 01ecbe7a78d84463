"""JSON of services, parsed by msgspec where it is installed; parts of it may stay undecoded until they are needed."""

from __future__ import annotations

import json
from typing import Any, Callable, Tuple, Type, Union, cast

try:
    import msgspec

    _UNDECODED: Tuple[type, ...] = (msgspec.Raw,)
    _decode: Callable[[bytes], object] = msgspec.json.decode
    _FAULTS: Tuple[Type[Exception], ...] = (ValueError, msgspec.MsgspecError)
except ImportError:  # the Python that a GDAL program embeds may lack it
    _UNDECODED, _decode, _FAULTS = (), json.loads, (ValueError,)

from planet_vector.errors import ProtocolError

UNREADABLE = _FAULTS
"""Errors of JSON decoders; up to msgspec 0.20, the last for Python 3.9, its errors are not ValueErrors."""
UNDECODABLE: Tuple[Type[Exception], ...] = (RecursionError, *_FAULTS)
"""The same, and that of JSON which is nested too deeply."""


def loads(content: bytes) -> Any:
    """Parse JSON, with msgspec at three times the speed of the standard library.

    The standard library parses what msgspec rejects: NaN, a byte order mark, a lone surrogate.

    Parameters
    ----------
    content : bytes
        JSON, or a part of it that msgspec left undecoded.

    Returns
    -------
    object
        The value.

    Raises
    ------
    ValueError
        If it is not JSON.
    RecursionError
        If it is nested too deeply.
    """
    try:
        return _decode(content)
    except UNREADABLE:
        return json.loads(bytes(content), parse_int=_whole)


def is_undecoded(value: object) -> bool:
    """Return whether a member of a Feature is still JSON.

    Parameters
    ----------
    value : object
        The member.
    """
    return isinstance(value, _UNDECODED)


def decoded(value: object) -> Any:
    """Return a member of a Feature, decoded if it is still JSON.

    Parameters
    ----------
    value : object
        The member.

    Returns
    -------
    object
        Its value.

    Raises
    ------
    ProtocolError
        If it is not JSON.
    """
    if not isinstance(value, _UNDECODED):
        return value
    try:
        return loads(cast(bytes, value))
    except (ValueError, RecursionError):
        raise ProtocolError("The service returned a scene whose JSON cannot be read.") from None


def _whole(text: str) -> Union[int, str]:
    """Return an integer; as text if it has more digits than Python parses (4300)."""
    try:
        return int(text)
    except ValueError:
        return text
