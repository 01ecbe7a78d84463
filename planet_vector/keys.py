"""Keys of services: how one is held, lent by a host program, and kept in files.

A key belongs to a root. One that was found in the environment or a file is sent to the root it was found for, never
to a root that a name brings along: opening somebody's project file must not hand them the reader's key.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Dict, Mapping, Optional

from planet_vector.errors import ConfigError
from planet_vector.json_faults import json_fault
from planet_vector.roots import DEFAULT_API_URL, is_api_origin, normalise_url
from planet_vector.user_folders import home_directory, user_directory

KEY_VARIABLE = "PL_API_KEY"
"""The environment variable that may hold a key."""


class Key:
    """An API key that is never printed.

    Parameters
    ----------
    text : str
        The key. White space around it is dropped.
    source : str, optional
        Where it was found, as an error names it.

    Raises
    ------
    ConfigError
        When it is empty or holds a character that an HTTP header cannot carry.
    """

    __slots__ = ("_text", "source")

    def __init__(self, text: str, source: str = "") -> None:
        self.source = source
        text = text.strip()
        if not text:
            raise ConfigError("The API key is empty: put your key in PL_API_KEY or leave it unset.")
        # Planet's keys are letters and digits; a colon would split Basic credentials, a newline a header.
        if not all(33 <= ord(char) <= 126 and char not in ':"\\' for char in text):
            raise ConfigError(
                "The API key holds a character no key has (a space, a quote, a line break?): copy it again."
            )
        self._text = text

    def reveal(self) -> str:
        """Return the key itself, for the one header it goes into."""
        return self._text

    def fingerprint(self) -> str:
        """Return a short digest that tells keys apart without revealing them."""
        return hashlib.blake2b(self._text.encode(), digest_size=8, person=b"planet_vector").hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "Key([secure])"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("A Key is not pickled: it would stand readable wherever the pickle goes.")


_lent: Dict[str, Key] = {}


def lend_key(root: str, key: Key) -> None:
    """Make a key known for a root in this process, and nowhere else: what a host program keeps its users' keys for.

    The GDAL driver finds it there, as it does in a desktop program that runs the driver in its own Python.
    """
    _lent[normalise_url(root)] = key


def withdraw_key(root: str) -> None:
    """Forget what `lend_key` made known for a root."""
    _lent.pop(normalise_url(root), None)


def lent_key(root: str) -> Optional[Key]:
    """Return what `lend_key` made known for a root, or None."""
    return _lent.get(normalise_url(root))


def credentials_path() -> Path:
    """Return the file in which ``planet-vector login`` keeps keys, one a root, readable by its owner only.

    Raises
    ------
    ConfigError
        When there is no place for it.
    """
    return user_directory("config") / "credentials.json"


def stored_keys() -> Mapping[str, object]:
    """Return the keys that ``planet-vector login`` keeps, by their roots; none where there is no place for them.

    Raises
    ------
    ConfigError
        When their file cannot be read.
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
        If ``PL_API_URL`` is no root.
    """
    return normalise_url(os.environ.get("PL_API_URL") or DEFAULT_API_URL, "PL_API_URL")


def find_key(root: str) -> Optional[Key]:
    """Return the key for a root: lent, in the environment, or in a file; None if there is none.

    Raises
    ------
    ConfigError
        If a file of keys cannot be read, or what it holds is no key.
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
    return Key(stored, source) if isinstance(stored, str) and stored.strip() else None


def read_key_file(path: Path) -> Mapping[str, object]:
    """Return what a key file holds, nothing when there is none.

    Raises
    ------
    ConfigError
        When it cannot be read.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or json_fault(error)
        raise ConfigError(
            f"The key file {path} cannot be read ({why}): mend or remove it, or set PL_API_KEY."
        ) from None
    if not isinstance(content, dict):
        raise ConfigError(f"The key file {path} does not hold a JSON object: mend or remove it, or set PL_API_KEY.")
    return content
