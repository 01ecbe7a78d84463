"""Who may ask, and for what: one key, or a file of hashed keys with what each may see.

The file is YAML, readable by its owner only::

    - name: office
      hash: sha256:5e88…            # of the key; `planet-vector serve --new-key office --keys FILE` adds one
      scene_types: [ortho]          # left out: all
      products: [visual, analytic]  # left out: all

Keys are made of 128 random bits, so a plain digest cannot be turned back, and comparing digests says nothing.
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
from planet_vector.server.http_errors import Refusal

_CHALLENGES = 'Basic realm="Scenes API", api-key, Bearer'


@dataclass(frozen=True)
class Permission:
    """Permissions of a key; None means everything."""

    name: str = "anybody"
    scene_types: Optional[FrozenSet[str]] = None
    products: Optional[FrozenSet[str]] = None

    def check_type(self, scene_type: str) -> None:
        """Raise the Refusal of a scene type the key may not see."""
        if self.scene_types is not None and scene_type not in self.scene_types:
            raise Refusal(403, f"Your key does not permit scenes of the type {scene_type}.")

    def allows(self, product: str) -> bool:
        """Tell whether the key may see a product."""
        return self.products is None or product in self.products


class Keys:
    """Keys of a service.

    Parameters
    ----------
    key : str, optional
        One key that may see everything.
    file : Path, optional
        A file of keys; read again when it changes.

    Raises
    ------
    ConfigError
        When the file cannot be used, or others can read it.
    """

    def __init__(self, key: Optional[str] = None, file: Optional[Path] = None) -> None:
        self._single = {digest(key): Permission("the key")} if key else {}
        self._file = file
        self._stamp: Optional[int] = None
        self._known: Dict[str, Permission] = dict(self._single)
        self._refresh()

    @property
    def required(self) -> bool:
        """Whether a key must be given."""
        return bool(self._single) or self._file is not None

    def permission(self, authorization: Optional[str], api_key: Optional[str]) -> Permission:
        """Return what a request may see, from its Authorization header or its ``api_key`` parameter.

        Raises
        ------
        Refusal
            401, when it has no key, or one that is not known.
        """
        if not self.required:
            return Permission()
        self._refresh()
        key = key_of(authorization) if authorization else api_key
        found = self._known.get(digest(key)) if key else None
        if found is None:
            raise Refusal(401, "Please enter your API key.", {"WWW-Authenticate": _CHALLENGES})
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
    """Return the hash of a key as a file of keys holds it."""
    return "sha256:" + hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()


def key_of(authorization: str) -> Optional[str]:
    """Return the key in an Authorization header, or None when there is none.

    It stands there as the user name of Basic, after ``api-key``, or in a token of the login after Bearer.
    """
    scheme, _, credentials = authorization.strip().partition(" ")
    reader = _READERS.get(scheme.lower())
    return (reader(credentials.strip()) or None) if reader is not None else None


def add_key(file: Path, name: str) -> str:
    """Add a new key to a file of keys, made when it is not there, and return the key.

    Raises
    ------
    ConfigError
        When the file cannot be used.
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
    except ValueError:  # no base64, or no UTF-8
        return None


def _of_token(token: str) -> Optional[str]:
    """Return the key in a JSON Web Token (RFC 7519).

    Its signature proves nothing that the key itself does not, which is checked as any other: so every process takes
    the tokens of every other, and they outlive a restart.
    """
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        payload = json.loads(base64.b64decode(parts[1] + "=" * (-len(parts[1]) % 4), altchars=b"-_", validate=True))
    except (ValueError, RecursionError):  # no base64, no UTF-8, no JSON, or JSON too deep to read
        return None
    key = payload.get("api_key") if isinstance(payload, dict) else None
    return key if isinstance(key, str) else None


_READERS: Mapping[str, Callable[[str], Optional[str]]] = {
    "api-key": str,
    "basic": _of_basic,
    "bearer": _of_token,
}


def _read(file: Path) -> Dict[str, Permission]:
    import yaml

    try:
        entries = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError):
        raise ConfigError(f"The file of keys {file} is no YAML.") from None
    if not isinstance(entries, list):
        raise ConfigError(f"The file of keys {file} holds no list of keys.")
    return {_hash(file, entry): _permission(file, entry) for entry in entries}


def _hash(file: Path, entry: Any) -> str:
    found = entry.get("hash") if isinstance(entry, dict) else None
    if not isinstance(found, str) or not found.startswith("sha256:") or len(found) != 71:
        raise ConfigError(f"The file of keys {file} has a key without a hash (sha256: and 64 digits).")
    return found.lower()


def _permission(file: Path, entry: Mapping[str, Any]) -> Permission:
    unknown = set(entry) - {"name", "hash", "scene_types", "products"}
    if unknown:
        raise ConfigError(f"The file of keys {file} has {sorted(map(str, unknown))[0]!r}, which is nothing of a key.")

    def names(field: str) -> Optional[FrozenSet[str]]:
        value: Optional[List[str]] = entry.get(field)
        if value is not None and not (isinstance(value, list) and all(isinstance(v, str) for v in value)):
            raise ConfigError(f"The file of keys {file}: {field} is a list of names.")
        return None if value is None else frozenset(value)

    return Permission(str(entry.get("name", "a key")), names("scene_types"), names("products"))
