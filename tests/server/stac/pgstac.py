"""A PostgreSQL cluster with pgstac, started by a user without privileges, as `docs/pgstac.md` has it."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, Iterator, Optional

import pytest

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))


def missing() -> Optional[str]:
    """Return what a cluster with pgstac lacks here, or None."""
    if not PROGRAMS:
        return "needs Debian's packages postgresql and postgresql-postgis"
    version = PROGRAMS[-1].parent.name
    if not Path(f"/usr/share/postgresql/{version}/extension/postgis.control").exists():
        return f"needs Debian's package postgresql-{version}-postgis-3"
    try:
        import pypgstac  # noqa: F401
    except ModuleNotFoundError:
        return "needs pypgstac"
    return None


@contextlib.contextmanager
def cluster(*settings: str, port: int = 0) -> Iterator[Dict[str, str]]:
    """Run a cluster with pgstac, and yield the environment that connects to it.

    Parameters
    ----------
    *settings : str
        Settings of the server, such as ``shared_buffers=256MB``.
    port : int
        Port on the loopback, without a password; 0 for the socket in the folder of the cluster only.
    """
    lack = missing()
    if lack:
        pytest.skip(lack)
    # Sockets have short names, and the user of the cluster needs access to all folders above.
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/var/tmp"))
    user: Dict[str, Any] = {"user": "postgres", "group": "postgres"} if os.getuid() == 0 else {}
    if user:
        shutil.chown(folder, "postgres", "postgres")
    environ = {**os.environ, "PGHOST": str(folder), "PGUSER": "planet", "PGDATABASE": "postgres", "HOME": str(folder)}
    if port:
        environ["PGPORT"] = str(port)
    environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environ["PATH"]])

    def run(program: str, *arguments: str) -> None:
        command = [str(PROGRAMS[-1] / program), *arguments]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder, timeout=120, env=environ,
            **user,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout

    try:
        run("initdb", "-D", "data", "-A", "trust", "-U", "planet", "-E", "UTF8", "--no-sync")
        network = ["listen_addresses=127.0.0.1", f"port={port}"] if port else ["listen_addresses="]
        chosen = [*network, f"unix_socket_directories={folder}", "fsync=off", *settings]
        options = " ".join(f"-c {each}" for each in chosen)
        run("pg_ctl", "-D", "data", "-w", "-l", "log", "-o", options, "start")
        try:
            for command in (["psql", "-qc", "CREATE EXTENSION postgis"], ["pypgstac", "migrate"]):
                done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=300)
                assert done.returncode == 0, done.stderr
            yield {**environ, "PGOPTIONS": "-c search_path=pgstac,public"}
        finally:
            run("pg_ctl", "-D", "data", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


def load(environ: Dict[str, str], what: str, file: Path, method: str = "upsert", seconds: float = 1200) -> None:
    """Load a file of collections or items.

    Parameters
    ----------
    environ : dict
        Environment of `cluster`.
    what : str
        ``collections`` or ``items``.
    file : Path
        The file.
    method : str
        ``upsert``, or ``insert``, which is faster and fails for what is there already.
    seconds : float
        The most that it may take.
    """
    command = ["pypgstac", "load", what, str(file), "--method", method]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=seconds)
    assert done.returncode == 0, done.stderr[-3000:]
