"""How a service is to be run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Tuple


@dataclass(frozen=True)
class ServiceOptions:
    """Options of a service; each of its processes is given the same."""

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
    rescan: float = 10.0
    faults: Optional[Path] = None
    latency: float = 0.0
    rate: float = 0.0
    access_log: Optional[Path] = None
    allow_hosts: Tuple[str, ...] = ()
    trusted_proxies: Tuple[str, ...] = ()
    cors_origins: Tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Options({self.root}, {self.host}:{self.port})"
