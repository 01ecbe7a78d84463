"""Output of messages: commands print each text by `say`, or by `planet_vector.cli.output`.

The encoding of a terminal or file may lack characters, such as the ² of km². click would then write UTF-8 although
Python was told to write ASCII, and Python itself would end with a traceback.
"""

from __future__ import annotations

import errno
import sys
from typing import Any

import click

from planet_vector.disk_errors import disk_remedy

_PLAIN = {"²": "2", "×": "x", "°": " degrees", "…": "...", "–": "-", "—": "-", "’": "'"}


def say(text: str, err: bool = False, nl: bool = True) -> None:
    """Print a text on stdout or stderr, in characters that its encoding has.

    Parameters
    ----------
    text : str
        The text.
    err : bool
        Whether to print on stderr.
    nl : bool
        Whether to end the line.
    """
    out = sys.stderr if err else sys.stdout
    click.echo(plain(text, out), file=out, nl=nl)


_ADVICE = {
    errno.EACCES: "check its permissions",
    errno.EPERM: "check its permissions",
    errno.ENOENT: "check its path",
    errno.ENOTDIR: "a part of its path is a file, so give another",
    errno.EISDIR: "it is a directory, so give the name of a file",
    errno.EEXIST: "something else has its name, so give another",
    errno.ENAMETOOLONG: "give a shorter name",
}


def describe_os_error(error: OSError) -> str:
    """Return a message for an error of the system: the file, the cause, and what to do.

    Parameters
    ----------
    error : OSError
        The error.
    """
    why = error.strerror or str(error)
    remedy = disk_remedy(error)
    if remedy:
        # Errors of files have a name (`planet_vector.atomic_files.naming`); one without is of stdout.
        return f"{error.filename or 'The output'} cannot be written ({why}): {remedy}, or write elsewhere."
    if not error.filename:
        return str(error)
    return f"{error.filename} cannot be used ({why}): {_ADVICE.get(error.errno or 0, 'check it')}."


def plain(text: str, out: Any) -> str:
    """Return a text with the characters that an output's encoding lacks replaced.

    Undecodable bytes of a file name, which Python keeps as lone surrogates, stay if the output restores them: else the
    printed path would be another file's.

    Parameters
    ----------
    text : str
        The text.
    out : text file or None
        The output.
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
