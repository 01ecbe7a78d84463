"""Keys of services: in memory, lent by a host program, or stored in files.

Each key belongs to a root. A key from the environment or a file is sent only to the root it was stored for, never to a
root that a PLANET: name specifies: opening a foreign project file must not disclose the user's key.

The log-in of Planet's SDK for Python (planet 3, planet-auth 2) is read, and never written. ``planet auth login`` stores
it as ``~/.planet/PROFILE/token.json``: the answer of the authorization server (RFC 6749, section 5.1), and ``_exp``,
when the access token ends. Only the SDK can renew it, as the server may replace the refresh token with each use.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Dict, Mapping, Optional, Tuple

from planet_vector.errors import ConfigError
from planet_vector.json_faults import json_fault
from planet_vector.roots import DEFAULT_API_URL, is_api_origin, normalise_url
from planet_vector.user_folders import home_directory, user_directory

KEY_VARIABLE = "PL_API_KEY"
"""The environment variable of a key."""

PROFILE_VARIABLE = "PL_AUTH_PROFILE"
"""The environment variable, and the member of ``~/.planet.json``, that names the profile of Planet's SDK."""

RENEWAL = "'planet auth refresh' or 'planet auth login' renews it"
"""Remedy for an expired log-in of Planet's SDK; service accounts have no refresh token."""

_PROFILE = "planet-user"  # of the SDK, unless another is named

BASIC = "Basic"
"""Scheme of a user name and a password."""

AUTH_SCHEMES = ("api-key", "Bearer", BASIC)
"""Supported schemes of the header Authorization; all but ``api-key``, Planet's own, are of RFC 7235's registry."""


class Key:
    """API key that is never printed.

    Parameters
    ----------
    text : str
        The key. Surrounding white space is removed.
    source : str, optional
        Where it was found, for error messages.
    scheme : str, optional
        One of `AUTH_SCHEMES`, by which it is sent; by default that of the kind of service.

    Raises
    ------
    ConfigError
        If it is empty or contains a character that is not allowed in an HTTP header, or the scheme is unknown.
    """

    __slots__ = ("_text", "scheme", "source")

    def __init__(self, text: str, source: str = "", scheme: str = "") -> None:
        self.source, self.scheme = source, scheme
        if scheme and scheme not in AUTH_SCHEMES:
            raise ConfigError(f"{scheme!r} is not a supported scheme: give one of {', '.join(AUTH_SCHEMES)}.")
        text = text.strip()
        if not text:
            raise ConfigError("The API key is empty: put your key in PL_API_KEY or leave it unset.")
        # Planet's keys consist of letters and digits. A colon would split Basic credentials, a newline a header.
        if not all(33 <= ord(char) <= 126 and char not in ':"\\' for char in text):
            raise ConfigError(
                "The API key contains an invalid character (a space, a quote, a line break?): copy it again."
            )
        self._text = text

    @classmethod
    def of_user(cls, user: str, password: str, source: str = "") -> Key:
        """Return a user name and a password as a key of HTTP Basic authentication (RFC 7617).

        Parameters
        ----------
        user, password : str
            The user name and the password.
        source : str, optional
            As for `Key`.

        Raises
        ------
        ConfigError
            If the user name is empty, or one has a character that is not allowed.
        """
        if not user or ":" in user or not (user + password).isprintable():
            raise ConfigError("The user name is empty, has a colon, or one of both has a line break: enter them again.")
        return cls(b64encode(f"{user}:{password}".encode()).decode(), source, BASIC)

    def reveal(self) -> str:
        """Return the key itself, for the request header."""
        return self._text

    def as_user(self) -> str:
        """Return the key as user name and password with a colon between, for programs that send nothing else.

        Raises
        ------
        ConfigError
            If it is a bearer token.
        """
        if self.scheme == "Bearer":
            raise ConfigError("Tiles take a key, or a user name and a password: a bearer token is not sent to them.")
        return b64decode(self._text).decode() if self.scheme == BASIC else f"{self._text}:"

    def secrets(self) -> Tuple[str, ...]:
        """Return the texts that must not be shown: the key itself and, of a user, the password."""
        password = self.as_user().partition(":")[2] if self.scheme == BASIC else ""
        return (self._text, password) if password else (self._text,)

    def fingerprint(self) -> str:
        """Return a short digest that distinguishes keys without revealing them."""
        text = f"{self.scheme} {self._text}" if self.scheme else self._text
        return hashlib.blake2b(text.encode(), digest_size=8, person=b"planet_vector").hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and (other._text, other.scheme) == (self._text, self.scheme)

    def __hash__(self) -> int:
        return hash((self._text, self.scheme))

    def __repr__(self) -> str:
        return "Key([secure])"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("A Key cannot be pickled: the pickle would contain it in plain text.")


_lent: Dict[str, Key] = {}


def lend_key(root: str, key: Key) -> None:
    """Register a key for a root in this process only, for host programs that store their users' keys.

    The GDAL driver finds it if it runs in the same Python, as in QGIS.

    Parameters
    ----------
    root : str
        Root of the service.
    key : Key
        Its key.

    Raises
    ------
    ConfigError
        If the root is invalid.
    """
    _lent[normalise_url(root)] = key


def withdraw_key(root: str) -> None:
    """Remove the key that `lend_key` registered for a root.

    Parameters
    ----------
    root : str
        Root of the service.

    Raises
    ------
    ConfigError
        If the root is invalid.
    """
    _lent.pop(normalise_url(root), None)


def lent_key(root: str) -> Optional[Key]:
    """Return the key that `lend_key` registered for a root, or None.

    Parameters
    ----------
    root : str
        Root of the service.

    Raises
    ------
    ConfigError
        If the root is invalid.
    """
    return _lent.get(normalise_url(root))


def credentials_path() -> Path:
    """Return the path of the file in which ``planet-vector login`` stores keys by root, readable by its owner only.

    Raises
    ------
    ConfigError
        If the user has no configuration folder.
    """
    return user_directory("config") / "credentials.json"


def stored_keys() -> Mapping[str, object]:
    """Return the keys that ``planet-vector login`` stored, by root; empty if the user has no configuration folder.

    Raises
    ------
    ConfigError
        If their file cannot be read.
    """
    try:
        path = credentials_path()
    except ConfigError:
        return {}
    return read_key_file(path)


def key_root() -> str:
    """Return the root that the key in ``PL_API_KEY`` belongs to.

    Raises
    ------
    ConfigError
        If ``PL_API_URL`` is not a valid root.
    """
    return normalise_url(os.environ.get("PL_API_URL") or DEFAULT_API_URL, "PL_API_URL")


def find_key(root: str) -> Optional[Key]:
    """Return the key for a root: lent, from the environment, or from a file; None if there is none.

    For planet.com, the last of them is the access token of Planet's SDK, unless it has expired.

    Parameters
    ----------
    root : str
        Root of the service.

    Raises
    ------
    ConfigError
        If a key file cannot be read, or the key is invalid.
    """
    if root in _lent:
        return _lent[root]
    if os.environ.get("PL_API_KEY") and root == key_root():
        return Key(os.environ["PL_API_KEY"], KEY_VARIABLE)
    stored = stored_keys().get(root)
    source = str(credentials_path()) if stored is not None else ""
    home = home_directory()
    if stored is None and home is not None and is_api_origin(root, DEFAULT_API_URL):
        source = str(home / ".planet.json")
        stored = read_key_file(home / ".planet.json").get("key")
        if stored is None:
            path, token, expired = _token_of_sdk(home)
            return Key(token, str(path), "Bearer") if token and not expired else None
    return Key(stored, source) if isinstance(stored, str) and stored.strip() else None


def expired_log_in(root: str) -> str:
    """Return that the log-in of Planet's SDK has expired, as a part of a sentence; empty if it is not for a root.

    Parameters
    ----------
    root : str
        Root of a service for which `find_key` returns None.

    Raises
    ------
    ConfigError
        If a file cannot be read.
    """
    home = home_directory()
    if home is None or not is_api_origin(root, DEFAULT_API_URL):
        return ""
    path, token, expired = _token_of_sdk(home)
    return f"the log-in of Planet's SDK in {path} has expired, {RENEWAL}" if expired else ""


def _token_of_sdk(home: Path) -> Tuple[Path, str, bool]:
    """Return the token file of Planet's SDK, its access token, which may be empty, and whether that has expired."""
    profile = os.environ.get(PROFILE_VARIABLE) or read_key_file(home / ".planet.json").get(PROFILE_VARIABLE) or _PROFILE
    if not isinstance(profile, str) or Path(profile).name != profile or profile == "..":
        raise ConfigError(f"{PROFILE_VARIABLE} is {profile!r}: it takes the name of a profile of Planet's SDK.")
    path = home / ".planet" / profile.lower() / "token.json"
    content = read_key_file(path)
    token, end = content.get("access_token"), content.get("_exp")
    if not isinstance(token, str) or not token.strip():
        return path, "", False
    return path, token.strip(), isinstance(end, (int, float)) and end <= time.time()


def read_key_file(path: Path) -> Mapping[str, object]:
    """Return the content of a key file; empty if there is no file.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    ConfigError
        If it cannot be read.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or json_fault(error)
        raise ConfigError(
            f"The key file {path} cannot be read ({why}): correct or remove it, or set PL_API_KEY."
        ) from None
    if not isinstance(content, dict):
        raise ConfigError(f"The key file {path} is not a JSON object: correct or remove it, or set PL_API_KEY.")
    return content
