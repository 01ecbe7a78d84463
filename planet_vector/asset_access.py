"""Access to the files of a service's scenes, where it is not by the address and the key alone.

It is part of a connection. The file of connections has an entry for each that differs from the default
(`planet_vector.connection_file`)::

    "access": {"office": {"bearer_hosts": ["data.example.org"], "requester_pays": true}}
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from typing import Dict, Mapping, Tuple, Union
from urllib.parse import urlsplit

from planet_vector.errors import ConfigError
from planet_vector.roots import origin

_HOST = re.compile(r"(?:https?://)?[a-z0-9_.-]+(?::[0-9]{1,5})?", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z0-9_.:-]{1,64}")

Value = Union[bool, str, Tuple[str, ...]]


@dataclass(frozen=True)
class AssetAccess:
    """Settings of a connection for access to the files of scenes.

    Attributes
    ----------
    bearer_hosts : tuple of str
        Hosts, beside those of the service, that the key of the connection is sent to as a bearer: a name with an
        optional port, reached by https, or an origin such as ``http://127.0.0.1:8000``.
    token_url : str
        Address of tokens (shared access signatures of Azure) that are appended to addresses of blobs, with
        ``{account}`` and ``{container}`` in it; empty if addresses are not signed.
    signed_hosts : tuple of str
        Hosts of the blobs; an entry that begins with a dot stands for all hosts that end so.
    s3_endpoint : str
        Host of the store of ``s3://`` addresses; empty for that of the user's AWS settings.
    s3_profile : str
        Profile of the user's AWS settings that has the keys of that store; empty for the profile in force.
    requester_pays : bool
        Whether the user pays for requests of buckets whose owners charge for them.
    alternates : tuple of str
        Names of alternate locations of assets that are preferred to the main one, in order.
    jpeg2000 : bool
        Whether JPEG 2000 files are opened, too.
    """

    bearer_hosts: Tuple[str, ...] = ()
    token_url: str = ""
    signed_hosts: Tuple[str, ...] = (".blob.core.windows.net",)
    s3_endpoint: str = ""
    s3_profile: str = ""
    requester_pays: bool = False
    alternates: Tuple[str, ...] = ()
    jpeg2000: bool = False

    def with_changes(self, changes: Mapping[str, object]) -> AssetAccess:
        """Return the same settings with some others, after checking them.

        Parameters
        ----------
        changes : mapping of str to object
            JSON values by the names of attributes; other names, of later versions, are ignored.

        Raises
        ------
        ConfigError
            If a value is invalid.
        """
        known = {each.name: getattr(self, each.name) for each in fields(self)}
        checked = {name: _checked(name, value, known[name]) for name, value in changes.items() if name in known}
        return replace(self, **checked)  # type: ignore[arg-type]

    def changes_from(self, other: AssetAccess) -> Dict[str, object]:
        """Return the settings that differ from others, as JSON values by name.

        Parameters
        ----------
        other : AssetAccess
            The others.
        """
        found: Dict[str, object] = {}
        for each in fields(self):
            value = getattr(self, each.name)
            if value != getattr(other, each.name):
                found[each.name] = list(value) if isinstance(value, tuple) else value
        return found


def is_bearer_host(url: str, access: AssetAccess) -> bool:
    """Return whether the key of a connection may be sent to an address because its settings name the host.

    Parameters
    ----------
    url : str
        The address.
    access : AssetAccess
        The settings.
    """
    try:
        there = origin(url)
    except ValueError:
        return False
    return any(there == origin(host if "://" in host else f"https://{host}") for host in access.bearer_hosts)


def _checked(name: str, value: object, present: Value) -> Value:
    if isinstance(present, bool):
        if isinstance(value, bool):
            return value
        raise ConfigError(f"{name} is {value!r}: it takes true or false.")
    if isinstance(present, str):
        if isinstance(value, str) and (not value or _TEXTS[name](value)):
            return value
        raise ConfigError(f"{name} is {value!r}: it takes {_TAKES[name]}.")
    entries = tuple(value) if isinstance(value, (list, tuple)) else (value,)
    if all(isinstance(entry, str) and _TEXTS[name](entry) for entry in entries):
        return entries
    raise ConfigError(f"{name} is {value!r}: it takes {_TAKES[name]}.")


def _is_host(text: str) -> bool:
    try:
        return bool(_HOST.fullmatch(text) and origin(text if "://" in text else f"https://{text}"))
    except ValueError:
        return False


def _is_template(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    plain = text.replace("{account}", "").replace("{container}", "")
    braces = "{" in plain or "}" in plain or "{" in parts.netloc
    return parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc and not braces


def _is_word(text: str) -> bool:
    return bool(_WORD.fullmatch(text))


_TEXTS = {
    "bearer_hosts": _is_host, "token_url": _is_template, "signed_hosts": lambda text: _is_host(text.lstrip(".")),
    "s3_endpoint": _is_host, "s3_profile": _is_word, "alternates": _is_word,
}  # fmt: skip
_TAKES = {
    "bearer_hosts": "names of hosts", "token_url": "an http(s) address with {account} and {container}",  # noqa: S105
    "signed_hosts": "names of hosts", "s3_endpoint": "the name of a host", "s3_profile": "the name of a profile",
    "alternates": "names of alternate locations, such as s3",
}  # fmt: skip
