"""``planet-vector login``, ``logout`` and ``whoami``: the file of keys, and the source of the key in use."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Mapping, Optional

import click

from planet_vector.catalog import catalog_of
from planet_vector.cli import options
from planet_vector.cli.messages import say
from planet_vector.config import Settings
from planet_vector.errors import ConfigError
from planet_vector.keys import Key, credentials_path, read_key_file, stored_keys
from planet_vector.private_files import make_folder, write_private


@click.command()
@options.connection
@options.verbose
def login(connection: Optional[str]) -> None:
    """Ask for a key, check it with the service, and store it.

    The key is typed, or read from stdin; it is never an argument, which other users of the machine could read. It is
    stored in a file that only you can read, and sent only to this root of the API.

    \b
    Examples:
        planet-vector login
        pass show planet | planet-vector login
    """
    path = credentials_path()  # first, so that no key is asked for if it cannot be stored
    stdin = sys.stdin
    typed = click.prompt("API key", hide_input=True, err=True) if stdin.isatty() else stdin.readline()
    if not typed.strip():
        raise ConfigError("No key was given: type it, or pass it on stdin.")
    key = Key(typed)
    settings = Settings.load(connection, key.reveal())
    catalog_of(settings).scene_types()
    _write(path, {**read_key_file(path), settings.api_url: key.reveal()})
    say(f"The key for {settings.api_url} is kept in {path}.")
    if os.environ.get("PL_API_KEY"):
        say("PL_API_KEY is set and takes precedence.", err=True)


@click.command()
@options.connection
@options.verbose
def logout(connection: Optional[str]) -> None:
    """Remove the key that 'planet-vector login' stored.

    \b
    Example:
        planet-vector logout
    """
    from planet_vector.raster import credential_files, described_files

    settings = Settings.load(connection)
    credential_files.forget(settings)
    with suppress(ConfigError):  # without a home directory there are no such files
        described_files.forget(settings)
    root, kept = settings.api_url, dict(stored_keys())
    if kept.pop(root, None) is None:
        say(f"There is no key for {root}{_place()}.")
    else:
        _write(credentials_path(), kept)
        say(f"The key for {root} is removed.")
    if os.environ.get("PL_API_KEY"):
        say("PL_API_KEY is set: unset it too.", err=True)


@click.command()
@options.connection
@options.verbose
def whoami(connection: Optional[str]) -> None:
    """Print the service, the source of the key, and whether the service accepts it.

    \b
    Example:
        planet-vector whoami
    """
    settings = Settings.load(connection)
    say(f"service  {settings.api_url}")
    say(f"key      {key_source(settings)}")
    catalog_of(settings).scene_types()
    say("answer   the service accepts the key" if settings.key else "answer   the service needs no key")


def key_source(settings: Settings) -> str:
    """Return a phrase on the source of the key.

    Parameters
    ----------
    settings : Settings
        The service and its key.

    Returns
    -------
    str
        Such as "from PL_API_KEY", or "none".
    """
    if settings.key is None:
        return f"none ({settings.withheld})" if settings.withheld else "none"
    return f"from {settings.key.source}"


def _place() -> str:
    try:
        return f" in {credentials_path()}"
    except ConfigError:  # without a home directory there is no file
        return ""


def _write(path: Path, keys: Mapping[str, object]) -> None:
    """Replace the file of keys atomically; other users can never read it."""
    if not keys:
        path.unlink()
        return
    make_folder(path.parent)
    write_private(path, json.dumps(keys, indent=2).encode(), ".credentials-")
