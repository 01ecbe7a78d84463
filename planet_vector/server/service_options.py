"""Options of the service."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Tuple


@dataclass(frozen=True)
class ServiceOptions:
    """Options of a service, the same for all its processes.

    Attributes
    ----------
    root : Path
        Folder of the archive.
    index : Path
        SQLite file of its index.
    host, port : str, int
        Address to listen on; port 0 is a free one.
    key : str, optional
        A key that permits everything.
    keys : Path, optional
        YAML file of keys (see `planet_vector.server.api.permissions`).
    basemaps : Path, optional
        YAML file of basemaps (see `planet_vector.server.api.basemap_definitions`).
    workers : int
        Number of processes that answer requests.
    exact_ties : bool
        Whether links keep scenes that share their time across the edge of a page. The real service lost them.
    redirect : bool
        Whether ``/full`` redirects to signed addresses on a second port.
    signature_life : float
        Validity of signed addresses, and of the locations of assets, in seconds.
    activation_delay : float, optional
        Seconds that the activation of an asset takes; without it, all assets are active.
    rescan : float
        Interval of re-scans of the archive, in seconds; 0 disables them.
    rules : Path, optional
        A rule file, instead of that of the archive (see `planet_vector.server.archive.rules`).
    faults : Path, optional
        YAML file of faults (see `planet_vector.server.fault_injection`).
    latency : float
        Delay of each response, in seconds.
    rate : float
        Limit of requests per second; 0 disables it.
    access_log : Path, optional
        File of the access log; ``-`` is standard error.
    allow_hosts : tuple of str
        Further names and addresses in Host headers that the service accepts.
    trusted_proxies : tuple of str
        Addresses and networks of proxies whose ``X-Forwarded-`` headers are trusted.
    cors_origins : tuple of str
        Further origins whose pages may read responses; ``*`` is any.
    """

    root: Path
    index: Path
    host: str = "127.0.0.1"
    port: int = 0
    key: Optional[str] = None
    keys: Optional[Path] = None
    basemaps: Optional[Path] = None
    workers: int = 1
    exact_ties: bool = True
    redirect: bool = False
    signature_life: float = 3600.0
    activation_delay: Optional[float] = None
    rescan: float = 10.0
    rules: Optional[Path] = None
    faults: Optional[Path] = None
    latency: float = 0.0
    rate: float = 0.0
    access_log: Optional[Path] = None
    allow_hosts: Tuple[str, ...] = ()
    trusted_proxies: Tuple[str, ...] = ()
    cors_origins: Tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Options({self.root}, {self.host}:{self.port})"
