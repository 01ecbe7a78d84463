"""The command ``planet-vector``: the functions of the library at a shell, one file per command.

Commands are imported when they are run, so that ``fio`` and ``rio``, which load this group whenever they start, stay
fast. Errors end here, as one sentence on stderr:

====  ====================================================
exit  meaning
====  ====================================================
0     success
1     the service, a file or the network failed
2     an option, a name or a filter is invalid
130   interrupted by Ctrl-C
====  ====================================================
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
import warnings
from contextlib import contextmanager, suppress
from importlib import import_module
from types import FrameType
from typing import Any, Iterator, List, Mapping, Optional, Type, Union

import click

import planet_vector
from planet_vector.cli.messages import describe_os_error, plain, say
from planet_vector.cli.options import TYPED, explained, verbose
from planet_vector.errors import (
    BadQueryError,
    ExpressionError,
    NameSyntaxError,
    PlanetVectorError,
    PlanetVectorWarning,
    QueryError,
)
from planet_vector.extras import install_hint

VECTOR_COMMANDS: Mapping[str, str] = {
    "types": "planet_vector.cli.types:types",
    "search": "planet_vector.cli.search:search",
    "count": "planet_vector.cli.count:count",
    "metadata": "planet_vector.cli.metadata:metadata",
    "basemaps": "planet_vector.cli.basemaps:basemaps",
    "quads": "planet_vector.cli.quads:quads",
    "stacks": "planet_vector.cli.stacks:stacks",
    "rectangle": "planet_vector.cli.rectangle:rectangle",
    "map": "planet_vector.cli.map:map_",
}
"""The commands of ``fio planet``: by name, the module and attribute to load."""

RASTER_COMMANDS: Mapping[str, str] = {
    "info": "planet_vector.cli.info:info",
    "open": "planet_vector.cli.open:open_",
    "vrt": "planet_vector.cli.vrt:vrt",
    "overviews": "planet_vector.cli.overviews:overviews",
    "mosaic": "planet_vector.cli.mosaic:mosaic",
    "crop": "planet_vector.cli.crop:crop",
    "timeseries": "planet_vector.cli.timeseries:timeseries",
    "thumbnails": "planet_vector.cli.thumbnails:thumbnails",
    "download": "planet_vector.cli.download:download",
    "download-quads": "planet_vector.cli.download_quads:download_quads",
}
"""The commands of ``rio planet``."""

COMMANDS: Mapping[str, str] = {
    **VECTOR_COMMANDS,
    **RASTER_COMMANDS,
    "activate": "planet_vector.cli.activate:activate",
    "sync": "planet_vector.cli.sync:sync",
    "env": "planet_vector.cli.env:env",
    "connections": "planet_vector.cli.connections:connections",
    "login": "planet_vector.cli.login:login",
    "logout": "planet_vector.cli.login:logout",
    "whoami": "planet_vector.cli.login:whoami",
    "cache": "planet_vector.cli.cache:cache",
    "doctor": "planet_vector.cli.doctor:doctor",
    "completion": "planet_vector.cli.completion:completion",
    "serve": "planet_vector.cli.serve:serve",
    "index": "planet_vector.cli.index:index",
    "sample": "planet_vector.cli.sample:sample",
}
"""The commands of ``planet-vector``."""


INTERRUPTED = 130
"""The exit code after Ctrl-C: 128 plus the number of the signal, as in shells."""

GRACE = 1.0  # seconds for cleaning up after Ctrl-C


class Commands(click.Group):
    """Group of commands that are imported on use; reports errors in one sentence.

    Parameters
    ----------
    targets : mapping of str to str
        ``module:attribute`` by the command's name.
    """

    def __init__(self, targets: Mapping[str, str], **attributes: Any) -> None:
        super().__init__(**attributes)
        self.targets = targets

    def list_commands(self, ctx: click.Context) -> List[str]:
        """Return the names of the commands, in the order of the table.

        Parameters
        ----------
        ctx : click.Context
            The context.
        """
        return list(self.targets)

    def get_command(self, ctx: click.Context, cmd_name: str) -> Optional[click.Command]:
        """Import a command.

        Parameters
        ----------
        ctx : click.Context
            The context.
        cmd_name : str
            The command's name.

        Returns
        -------
        click.Command or None
            None for an unknown name.
        """
        if cmd_name not in self.targets:
            return None
        module, _, attribute = self.targets[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def parse_args(self, ctx: click.Context, args: List[str]) -> List[str]:
        """Parse arguments, and store the command line for error messages.

        Parameters
        ----------
        ctx : click.Context
            The context; its ``meta`` gets the command line under `TYPED`.
        args : list of str
            The arguments.

        Returns
        -------
        list of str
            The arguments left over.
        """
        ctx.meta.setdefault(TYPED, (ctx.command_path, list(args)))
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command, and convert errors to a sentence and an exit code.

        Parameters
        ----------
        ctx : click.Context
            The context.

        Returns
        -------
        object
            The result of the command.

        Raises
        ------
        click.ClickException
            If the command failed.
        """
        try:
            with ended_at_once(), _warnings_as_lines():
                result = super().invoke(ctx)
                if sys.stdout is not None:
                    sys.stdout.flush()  # a closed pipe is handled below; at exit, Python prints a message
                return result
        except PlanetVectorError as error:
            raise _failure(error) from None
        except click.ClickException as error:  # raised by click, or by a command, about options
            error.message = plain(explained(error), sys.stderr)
            raise
        except UnicodeEncodeError as error:
            # A file name from the command line: GDAL accepts UTF-8 only.
            raise click.ClickException(
                plain(
                    f"The file name {error.object[:200]!r} is not valid in the encoding of this terminal: "
                    "set LC_ALL=C.UTF-8, or give a name in ASCII.",
                    sys.stderr,
                )
            ) from None
        except OSError as error:
            if error.filename is None:  # not of a file, so perhaps of the output
                _drop_output()
            if error.errno == errno.EPIPE:  # the reader closed the pipe
                raise click.exceptions.Exit(1) from None
            raise click.ClickException(plain(describe_os_error(error), sys.stderr)) from None
        except ModuleNotFoundError as error:
            if error.name is None or error.name.startswith(__package__.partition(".")[0]):
                raise
            raise click.ClickException(install_hint(error)) from None
        except KeyboardInterrupt:
            with suppress(OSError):  # the reader may have ended, too
                sys.stdout.flush()  # complete lines, even if hanging threads prevent Python's regular exit
            raise click.exceptions.Exit(INTERRUPTED) from None


@contextmanager
def _warnings_as_lines() -> Iterator[None]:
    """Print warnings of the package as a line on stderr, without the source line that Python adds."""
    show = warnings.showwarning

    def tell(message: Union[Warning, str], category: Type[Warning], *place: Any, **others: Any) -> None:
        if issubclass(category, PlanetVectorWarning):
            say(f"planet-vector: {message}", err=True)
        else:
            show(message, category, *place, **others)

    with warnings.catch_warnings():
        warnings.simplefilter("default", PlanetVectorWarning)  # each once
        warnings.showwarning = tell
        yield


@contextmanager
def ended_at_once() -> Iterator[None]:
    """Have Ctrl-C end the program within `GRACE` seconds, even if threads hang.

    It raises KeyboardInterrupt as usual; handlers then remove incomplete files and write states. But Python waits for
    its threads at exit, and one may wait for a service for minutes.

    Yields
    ------
    None
        While the handler is installed.
    """
    from planet_vector.driver.interrupts import handle

    before = signal.getsignal(signal.SIGINT)
    # A handler of another program stays, and only the main thread may set one.
    ours = before in (signal.default_int_handler, handle) and threading.current_thread() is threading.main_thread()

    def interrupt(number: int, frame: Optional[FrameType]) -> None:
        end = threading.Timer(GRACE, _end)
        end.daemon = True
        end.start()
        handle(number, frame)

    if ours:
        signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        if ours:
            signal.signal(signal.SIGINT, before)


def _drop_output() -> None:
    """Redirect stdout to the null device: its reader or disk fails, and Python's flush at exit would print an error."""
    with suppress(OSError, ValueError):  # stdout has no file descriptor
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
        os.close(nothing)


def _end() -> None:
    """End the process without waiting for threads."""
    os._exit(INTERRUPTED)


def _failure(error: PlanetVectorError) -> click.ClickException:
    failure = click.ClickException(plain(str(error), sys.stderr))
    if isinstance(error, (ExpressionError, NameSyntaxError, QueryError)) and not isinstance(error, BadQueryError):
        failure.exit_code = click.UsageError.exit_code
    return failure


@click.group(cls=Commands, targets=COMMANDS)
@click.version_option(planet_vector.__version__, message="%(prog)s %(version)s")
@verbose
def main() -> None:
    """Search satellite imagery and open it without downloading it.

    The service is the one of --connection, else of PL_API_URL, else the default of 'planet-vector connections'. The key
    is the one of PL_API_KEY or of 'planet-vector login'. Searches and scenes have names that every GDAL program opens
    once it finds the driver:

    \b
        eval "$(planet-vector env)"
        ogrinfo "PLANET:ortho?cloud_cover.estimated.lte=5"
    """
