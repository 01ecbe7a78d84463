"""Where the service is, whose key opens it, and how much may be asked of it.

=====================  =====================  =========================================================
setting                open option            environment
=====================  =====================  =========================================================
root of the API        ``API_URL``            ``PL_API_URL``, else ``https://api.planet.com/v0/``
key                    ``API_KEY``            what `lend_key` was given for the root, else ``PL_API_KEY``,
                                              else the file of ``planet-vector login``,
                                              else ``~/.planet.json`` (for planet.com only)
life of a result       ``PLANET_CACHE_TTL``   ``PLANET_CACHE_TTL``, seconds
connections            ``PLANET_CONNECTIONS`` ``PLANET_CONNECTIONS``
requests a second      ``PLANET_RATE``        ``PLANET_RATE``, 0 for no limit
=====================  =====================  =========================================================

A key belongs to a root. One that was found in the environment or a file is sent to the root it was found for,
never to a root that a name brings along: opening somebody's project file must not hand them the reader's key.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, Mapping, Optional
from urllib.parse import urlsplit, urlunsplit

from planet_vector.errors import ConfigError

DEFAULT_API_URL = "https://api.planet.com/v0/"

_PLANET = "planet.com"
_PORTS = {"http": 80, "https": 443}


class Key:
    """An API key that is never printed.

    Parameters
    ----------
    text : str
        The key. White space around it is dropped.

    Raises
    ------
    ConfigError
        When it is empty or holds a character that an HTTP header cannot carry.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
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


@dataclass(frozen=True)
class Settings:
    """All that is needed to talk to one service.

    Attributes
    ----------
    api_url : str
        Root of the API, with a slash at its end.
    key : Key or None
        Sent to the API's own origins only.
    cache_ttl : float
        Seconds a result may be used again.
    connections : int
        Requests under way at once.
    rate : float
        Requests a second, 0 for no limit.
    withheld : str
        Why a key that exists is not sent, or nothing; part of the message of a refused request.
    """

    api_url: str = DEFAULT_API_URL
    key: Optional[Key] = None
    cache_ttl: float = 300.0
    connections: int = 8
    rate: float = 10.0
    withheld: str = field(default="", compare=False)

    @classmethod
    def load(
        cls,
        api_url: Optional[str] = None,
        key: Optional[str] = None,
        options: Optional[Mapping[str, str]] = None,
    ) -> Settings:
        """Gather the settings from arguments, open options, the environment and the key files, in that order.

        Parameters
        ----------
        api_url : str, optional
            Root of the API, as a name may bring it.
        key : str, optional
            The key for that root.
        options : mapping of str to str, optional
            Open options of the GDAL driver; their names are not case-sensitive.

        Raises
        ------
        ConfigError
            When a value cannot be used.
        """
        given = {name.upper(): value for name, value in (options or {}).items() if value}
        configured = normalise_url(os.environ.get("PL_API_URL") or DEFAULT_API_URL)
        asked = api_url or given.get("API_URL")
        root = normalise_url(asked) if asked else configured
        withheld = ""
        found: Optional[Key] = None
        if key or given.get("API_KEY"):
            found = Key(key or given["API_KEY"])
        elif root in _lent:
            found = _lent[root]
        else:
            found = _stored_key(root, configured)
            if found is None and os.environ.get("PL_API_KEY"):
                withheld = f"the key in PL_API_KEY was not sent, it belongs to {configured}"

        def number(name: str, default: float, least: float, most: float) -> float:
            text = given.get(name) or os.environ.get(name)
            if not text:
                return default
            try:
                value = float(text)
            except ValueError:
                value = float("nan")
            if not least <= value <= most:
                raise ConfigError(f"{name} is {text!r}: it takes a number from {least:g} to {most:g}.")
            return value

        return cls(
            api_url=root,
            key=found,
            cache_ttl=number("PLANET_CACHE_TTL", cls.cache_ttl, 0, 86400 * 365),
            connections=int(number("PLANET_CONNECTIONS", cls.connections, 1, 64)),
            rate=number("PLANET_RATE", cls.rate, 0, 10000),
            withheld=withheld,
        )

    @property
    def identity(self) -> tuple[str, str]:
        """What a result depends on beside its query: the root and whose key asked."""
        return self.api_url, self.key.fingerprint() if self.key else ""


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


def normalise_url(url: str) -> str:
    """Return the root of an API in one spelling: scheme and host in lower case, a slash at the end.

    Raises
    ------
    ConfigError
        When it is not an http(s) address, or holds a user name, a query or a fragment.
    """
    try:
        parts = urlsplit(url.strip())
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.scheme not in _PORTS or not host:
        raise ConfigError(
            f"The root of the API must be an http(s) address such as {DEFAULT_API_URL}: check PL_API_URL."
        )
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ConfigError(
            "The root of the API holds a user name, a query or a fragment: "
            "give the bare address, and the key in PL_API_KEY."
        )
    return urlunsplit((parts.scheme, parts.netloc.lower(), parts.path.rstrip("/") + "/", "", ""))


def origin(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port of an address.

    Raises
    ------
    ValueError
        When it has no host or its port is none.
    """
    parts = urlsplit(url)
    if not parts.hostname:
        raise ValueError("an address without a host")
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme, 0)


def is_api_origin(url: str, api_url: str) -> bool:
    """Tell whether an address may be sent the key of a root.

    It may at the same origin, and at planet.com's sibling hosts by https: the real service gave products and
    thumbnails on view.planet.com, tiles on tiles0.planet.com.
    """
    try:
        there, root = origin(url), origin(api_url)
    except ValueError:
        return False
    if there == root:
        return True
    return all(
        scheme == "https" and port == 443 and (host == _PLANET or host.endswith("." + _PLANET))
        for scheme, host, port in (there, root)
    )


_USER_DIRECTORIES = {
    # By platform, what it is for: the variable that names it, and where it is by default, below the home.
    "win32": {"config": ("APPDATA", "AppData/Roaming"), "cache": ("LOCALAPPDATA", "AppData/Local")},
    "darwin": {"config": ("", "Library/Application Support"), "cache": ("", "Library/Caches")},
    "": {"config": ("XDG_CONFIG_HOME", ".config"), "cache": ("XDG_CACHE_HOME", ".cache")},
}


def user_directory(purpose: str) -> Path:
    """Return this package's folder for the user's ``config`` or ``cache``, where the platform has such things.

    Written here, as the Python that a GDAL program embeds may lack a library for it. All of this package keeps its
    files there, the service too.

    Raises
    ------
    ConfigError
        When the user has no home directory, and no variable names another place.
    """
    variable, default = _USER_DIRECTORIES.get(sys.platform, _USER_DIRECTORIES[""])[purpose]
    named, home = os.environ.get(variable), home_directory()
    if named:
        return Path(named) / "planet_vector"
    if home is not None:
        return home / default / "planet_vector"
    names = [name for name in (variable, "USERPROFILE" if sys.platform == "win32" else "HOME") if name]
    raise ConfigError(
        f"There is no home directory for the {purpose} files of planet_vector: "
        f"set {' or '.join(names)} to a folder of your own."
    )


def home_directory() -> Optional[Path]:
    """Return the user's home directory, or None: a container may run programs for a user that it does not know."""
    try:
        return Path.home()
    except (RuntimeError, KeyError):  # the second from Python 3.9
        return None


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


def _stored_key(root: str, configured: str) -> Optional[Key]:
    """Find the key that was stored for a root."""
    if origin(root) == origin(configured) and os.environ.get("PL_API_KEY"):
        return Key(os.environ["PL_API_KEY"])
    stored = stored_keys().get(root)
    home = home_directory()
    if stored is None and home is not None and is_api_origin(root, DEFAULT_API_URL):
        stored = read_key_file(home / ".planet.json").get("key")
    return Key(stored) if isinstance(stored, str) and stored.strip() else None


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
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"The key file {path} cannot be read ({type(error).__name__}): mend or remove it, or set PL_API_KEY."
        ) from None
    if not isinstance(content, dict):
        raise ConfigError(f"The key file {path} does not hold a JSON object: mend or remove it, or set PL_API_KEY.")
    return content
