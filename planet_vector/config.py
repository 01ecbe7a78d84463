"""Settings of a session: the service, its key, and the limits on requests.

=====================  =====================  =========================================================
setting                open option            otherwise
=====================  =====================  =========================================================
service                ``CONNECTION``,        ``PL_API_URL``, else the default connection
                       ``API_URL``            (`planet_vector.connection_lookup`)
key                    ``API_KEY``            the key of `planet_vector.keys.lend_key` for the root,
                                              else ``PL_API_KEY`` for the root of ``PL_API_URL``,
                                              else the file of ``planet-vector login``,
                                              else ``~/.planet.json``, else the log-in of Planet's SDK
                                              (both for planet.com only)
lifetime of a result   ``PLANET_CACHE_TTL``   ``PLANET_CACHE_TTL``, seconds
connections            ``PLANET_CONNECTIONS`` ``PLANET_CONNECTIONS``
requests a second      ``PLANET_RATE``        ``PLANET_RATE``, 0 for no limit
=====================  =====================  =========================================================
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Mapping, Optional

from planet_vector.asset_access import AssetAccess
from planet_vector.connection_lookup import default_connection, find_connection
from planet_vector.connections import ENVIRONMENT
from planet_vector.errors import ConfigError
from planet_vector.keys import Key, expired_log_in, find_key, key_root, lent_key


@dataclass(frozen=True)
class Settings:
    """Settings for one service.

    Attributes
    ----------
    api_url : str
        Root of the API, with a slash at its end.
    key : Key or None
        Sent to the API's own origins only.
    cache_ttl : float
        Lifetime of a cached result in seconds.
    connections : int
        Maximum number of concurrent requests.
    rate : float
        Requests a second, 0 for no limit.
    withheld : str
        Why an existing key is not sent, or empty; part of the message of a rejected request.
    kind : str
        One of `planet_vector.connections.KINDS`; empty for a root of unknown kind.
    connection : str
        Name of the connection; empty for a root without a connection.
    access : AssetAccess
        How the files of scenes are accessed.
    lent : bool
        Whether a host program lends the key (`planet_vector.keys.lend_key`).
    """

    api_url: str
    key: Optional[Key] = None
    cache_ttl: float = 300.0
    connections: int = 8
    rate: float = 10.0
    withheld: str = field(default="", compare=False)
    kind: str = field(default="v0", compare=False)
    connection: str = field(default="", compare=False)
    access: AssetAccess = AssetAccess()
    lent: bool = False

    @classmethod
    def load(
        cls,
        connection: Optional[str] = None,
        key: Optional[str] = None,
        options: Optional[Mapping[str, str]] = None,
    ) -> Settings:
        """Gather the settings from arguments, open options, the environment and the key files, in that order.

        Parameters
        ----------
        connection : str, optional
            The name of a connection, or the root of a service, such as from a PLANET: name. Default: the root of
            ``PL_API_URL``, else the default connection.
        key : str, optional
            The key for the root.
        options : mapping of str to str, optional
            Open options of the GDAL driver; their names are not case-sensitive.

        Returns
        -------
        Settings
            The settings.

        Raises
        ------
        ConfigError
            If a value is invalid.
        """
        given = {name.upper(): value for name, value in (options or {}).items() if value}
        if given.get("CONNECTION") and given.get("API_URL"):
            raise ConfigError("CONNECTION and API_URL both name a service: give one of them.")
        asked = connection or given.get("CONNECTION") or given.get("API_URL")
        meant = find_connection(asked) if asked else default_connection()
        text = key or given.get("API_KEY")
        found = Key(text, "" if key else "the open option API_KEY") if text else find_key(meant.root)
        withheld = ""
        if found is None and os.environ.get("PL_API_KEY"):
            withheld = f"the key in PL_API_KEY was not sent, it belongs to {key_root()}"
        elif found is None:
            withheld = expired_log_in(meant.root)

        def number(name: str, default: float, least: float, most: float) -> float:
            text = given.get(name) or os.environ.get(name)
            if not text:
                return default
            try:
                value = float(text)
            except ValueError:
                value = float("nan")
            if not least <= value <= most:
                raise ConfigError(f"{name} is {text!r}: it takes a number from {least:.10g} to {most:.10g}.")
            return value

        return cls(
            api_url=meant.root,
            key=found,
            cache_ttl=number("PLANET_CACHE_TTL", cls.cache_ttl, 0, 86400 * 365),
            connections=int(number("PLANET_CONNECTIONS", cls.connections, 1, 64)),
            rate=number("PLANET_RATE", cls.rate, 0, 10000),
            withheld=withheld,
            kind=meant.kind,
            connection=meant.name,
            access=meant.access,
            lent=not text and lent_key(meant.root) is not None,
        )

    @property
    def root_source(self) -> str:
        """Where the root was set, for error messages: ``PL_API_URL``, a connection, or the root itself."""
        if not self.connection:
            return f"the address {self.api_url}"
        return self.connection if self.connection == ENVIRONMENT else f"connection {self.connection!r}"

    @property
    def sent_key(self) -> Optional[Key]:
        """The key to send now.

        In place of a key that a host program lends, it is the one that is lent at present, or None: datasets that the
        program opened before a log-in or a log-out may still be read.
        """
        return lent_key(self.api_url) if self.key is None or self.lent else self.key

    @property
    def identity(self) -> tuple[str, str]:
        """The root and the fingerprint of the key that is sent, which, with the query, identify a result."""
        key = self.sent_key
        return self.api_url, key.fingerprint() if key else ""
