"""Say something to whoever runs a command: each text that commands print goes out here, or through `printing`.

A terminal, or a file in its place, has an encoding, and not every one has the ² of km². click would write UTF-8
where Python was told to write ASCII, and Python itself would end with a traceback.
"""

from __future__ import annotations

import errno
import sys
from typing import Any

import click

from planet_vector.atomic_files import DISK_ERRORS, MAKE_ROOM

_PLAIN = {"²": "2", "×": "x", "°": " degrees", "…": "...", "–": "-", "—": "-", "’": "'"}


def say(text: str, err: bool = False, nl: bool = True) -> None:
    """Print a text on stdout or stderr, as that can take it.

    Parameters
    ----------
    text : str
        What is said.
    err : bool
        On stderr.
    nl : bool
        End the line.
    """
    out = sys.stderr if err else sys.stdout
    click.echo(plain(text, out), file=out, nl=nl)


_ADVICE = {
    errno.EACCES: "see to its permissions",
    errno.EPERM: "see to its permissions",
    errno.ENOENT: "check its path",
    errno.ENOTDIR: "a part of its path is a file, so give another",
    errno.EISDIR: "it is a directory, so give the name of a file",
    errno.EEXIST: "something else has its name, so give another",
    errno.ENAMETOOLONG: "give a shorter name",
}


def describe_os_error(error: OSError) -> str:
    """Return what a command says of an error of the system: what happened to which file, and what to do."""
    why = error.strerror or str(error)
    if error.errno in DISK_ERRORS:
        # Files are named (`planet_vector.atomic_files.naming`); what is left is what the command prints.
        return f"{error.filename or 'The output'} cannot be written ({why}): {MAKE_ROOM}, or write elsewhere."
    if not error.filename:
        return str(error)
    return f"{error.filename} cannot be used ({why}): {_ADVICE.get(error.errno or 0, 'see to it')}."


def plain(text: str, out: Any) -> str:
    """Return a text in which what an output's encoding lacks is written with what it has.

    Bytes of a file's name that are no text, which Python keeps as halves of surrogate pairs, stay where the output
    gives them back as they were: else a path that is printed would be another file's.

    Parameters
    ----------
    text : str
        The text.
    out : text file or None
        Where it is to go.
    """
    encoding = getattr(out, "encoding", None) or "utf-8"
    errors = "surrogateescape" if getattr(out, "errors", None) == "surrogateescape" else "strict"

    def has(part: str) -> bool:
        try:
            part.encode(encoding, errors)
        except UnicodeEncodeError:
            return False
        return True

    def written(character: str) -> str:
        if has(character):
            return character
        return _PLAIN.get(character) or character.encode("ascii", "backslashreplace").decode()

    return text if has(text) else "".join(map(written, text))
