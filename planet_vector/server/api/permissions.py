"""Authentication and permissions: a single key, or a file of hashed keys with the permissions of each.

The file is YAML and must be readable by its owner only::

    - name: office
      hash: sha256:5e88…            # of the key; `planet-vector serve --new-key office --keys FILE` adds one
      scene_types: [ortho]          # default: all
      products: [visual, analytic]  # default: all

Keys have 128 random bits, so an unsalted digest cannot be inverted, and the time of comparing digests reveals nothing.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, FrozenSet, List, Mapping, Optional

from planet_vector.errors import ConfigError
from planet_vector.server.http_errors import HttpError

_CHALLENGES = 'Basic realm="Scenes API", api-key, Bearer'


@dataclass(frozen=True)
class Permission:
    """Permission of a key.

    Attributes
    ----------
    name : str
        Name of the key, for the access log.
    scene_types : frozenset of str or None
        Permitted scene types; None permits all.
    products : frozenset of str or None
        Permitted products; None permits all.
    """

    name: str = "anybody"
    scene_types: Optional[FrozenSet[str]] = None
    products: Optional[FrozenSet[str]] = None

    def check_type(self, scene_type: str) -> None:
        """Raise an exception if the key does not permit a scene type.

        Parameters
        ----------
        scene_type : str
            Scene type, such as ``ortho``.

        Raises
        ------
        HttpError
            403, if it does not.
        """
        if self.scene_types is not None and scene_type not in self.scene_types:
            raise HttpError(403, f"Your key does not permit scenes of the type {scene_type}.")

    def allows(self, product: str) -> bool:
        """Return whether the key permits a product.

        Parameters
        ----------
        product : str
            Name of the product, such as ``visual``.
        """
        return self.products is None or product in self.products


class Keys:
    """Keys of a service.

    Parameters
    ----------
    key : str, optional
        Key that permits everything.
    file : Path, optional
        YAML file of keys, which is read again when it changes.

    Raises
    ------
    ConfigError
        If the file cannot be read, is invalid, or is accessible to other users.
    """

    def __init__(self, key: Optional[str] = None, file: Optional[Path] = None) -> None:
        self._single = {digest(key): Permission("the key")} if key else {}
        self._file = file
        self._stamp: Optional[int] = None
        self._known: Dict[str, Permission] = dict(self._single)
        self._refresh()

    @property
    def required(self) -> bool:
        """Whether requests need a key."""
        return bool(self._single) or self._file is not None

    def permission(self, authorization: Optional[str], api_key: Optional[str]) -> Permission:
        """Return the permission of a request's key.

        Parameters
        ----------
        authorization : str or None
            Authorization header, which takes precedence.
        api_key : str or None
            Parameter ``api_key`` of the query.

        Raises
        ------
        HttpError
            401, if a key is required and the request has no valid one.
        ConfigError
            If the file of keys has changed and cannot be used.
        """
        if not self.required:
            return Permission()
        self._refresh()
        key = key_of(authorization) if authorization else api_key
        found = self._known.get(digest(key)) if key else None
        if found is None:
            raise HttpError(401, "Please enter your API key.", {"WWW-Authenticate": _CHALLENGES})
        return found

    def _refresh(self) -> None:
        if self._file is None:
            return
        try:
            status = self._file.stat()
            if status.st_mtime_ns == self._stamp:
                return
            if os.name == "posix" and stat.S_IMODE(status.st_mode) & 0o077:
                raise ConfigError(f"The keys in {self._file} can be read by others: run chmod 600 on it.")
            self._known = {**self._single, **_read(self._file)}
            self._stamp = status.st_mtime_ns
        except OSError as error:
            raise ConfigError(f"The file of keys {self._file} cannot be read ({error.strerror}).") from None


def digest(key: str) -> str:
    """Return the hash of a key in the form of the file of keys: ``sha256:`` and 64 hexadecimal digits.

    Parameters
    ----------
    key : str
        The key.
    """
    return "sha256:" + hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()


def key_of(authorization: str) -> Optional[str]:
    """Return the key in an Authorization header, or None if it contains none.

    Parameters
    ----------
    authorization : str
        Header with the key as the user name of Basic, after ``api-key``, or after Bearer, alone or in a token.
    """
    scheme, _, credentials = authorization.strip().partition(" ")
    reader = _READERS.get(scheme.lower())
    return (reader(credentials.strip()) or None) if reader is not None else None


def add_key(file: Path, name: str) -> str:
    """Add a new random key to a file of keys, which is created if necessary.

    Parameters
    ----------
    file : Path
        YAML file of keys.
    name : str
        Name of the key.

    Returns
    -------
    str
        The key, of which the file contains only the hash: 32 hexadecimal digits.

    Raises
    ------
    ConfigError
        If the file is invalid or accessible to other users, or cannot be written.
    """
    import yaml

    key = secrets.token_hex(16)
    entry = yaml.safe_dump([{"name": name, "hash": digest(key)}], sort_keys=False)
    try:
        if file.exists():
            Keys(file=file)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "a", encoding="utf-8") as target:
            target.write(entry)
    except OSError as error:
        raise ConfigError(f"The file of keys {file} cannot be written ({error.strerror}).") from None
    return key


def _of_basic(credentials: str) -> Optional[str]:
    try:
        return base64.b64decode(credentials, validate=True).decode().partition(":")[0]
    except ValueError:  # invalid base64 or UTF-8
        return None


def _of_bearer(token: str) -> str:
    """Return the key in a JSON Web Token (RFC 7519), or the token itself, as which clients of STAC send a key.

    The signature is not checked: the key itself is checked like any other. So tokens are valid in every process, and
    after a restart.
    """
    parts = token.split(".")
    if len(parts) != 3:
        return token
    try:
        payload = json.loads(base64.b64decode(parts[1] + "=" * (-len(parts[1]) % 4), altchars=b"-_", validate=True))
    except (ValueError, RecursionError):  # invalid base64, UTF-8 or JSON, or JSON nested too deeply
        return token
    key = payload.get("api_key") if isinstance(payload, dict) else None
    return key if isinstance(key, str) else token


_READERS: Mapping[str, Callable[[str], Optional[str]]] = {
    "api-key": str,
    "basic": _of_basic,
    "bearer": _of_bearer,
}


def _read(file: Path) -> Dict[str, Permission]:
    import yaml

    try:
        entries = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError):
        raise ConfigError(f"The file of keys {file} is not valid YAML.") from None
    if not isinstance(entries, list):
        raise ConfigError(f"The file of keys {file} does not contain a list of keys.")
    return {_hash(file, entry): _permission(file, entry) for entry in entries}


def _hash(file: Path, entry: Any) -> str:
    found = entry.get("hash") if isinstance(entry, dict) else None
    if not isinstance(found, str) or not found.startswith("sha256:") or len(found) != 71:
        raise ConfigError(f"The file of keys {file} has a key without a hash (sha256: and 64 digits).")
    return found.lower()


def _permission(file: Path, entry: Mapping[str, Any]) -> Permission:
    unknown = set(entry) - {"name", "hash", "scene_types", "products"}
    if unknown:
        raise ConfigError(f"The file of keys {file} has an unknown setting {sorted(map(str, unknown))[0]!r} of a key.")

    def names(field: str) -> Optional[FrozenSet[str]]:
        value: Optional[List[str]] = entry.get(field)
        if value is not None and not (isinstance(value, list) and all(isinstance(v, str) for v in value)):
            raise ConfigError(f"The file of keys {file}: {field} must be a list of names.")
        return None if value is None else frozenset(value)

    return Permission(str(entry.get("name", "a key")), names("scene_types"), names("products"))
