"""The command ``planet-vector``: the verbs of the library at a shell, one file a command.

Commands are loaded when they are asked for, so that ``fio`` and ``rio``, which load this group whenever they
start, stay quick. Everything that can go wrong ends here, as one sentence on stderr:

====  ================================================================
exit  meaning
====  ================================================================
0     done
1     the service, a file or the network did not give what was asked
2     what was asked makes no sense: an option, a name, a filter
130   ended by Ctrl-C
====  ================================================================
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
from planet_vector.errors import BadQueryError, NameSyntaxError, PlanetVectorError, PlanetVectorWarning, QueryError
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
"""What ``fio planet`` has: the command's name, and the module and attribute it is loaded from."""

RASTER_COMMANDS: Mapping[str, str] = {
    "info": "planet_vector.cli.info:info",
    "open": "planet_vector.cli.open:open_",
    "vrt": "planet_vector.cli.vrt:vrt",
    "overviews": "planet_vector.cli.overviews:overviews",
    "mosaic": "planet_vector.cli.mosaic:mosaic",
    "crop": "planet_vector.cli.crop:crop",
    "thumbnails": "planet_vector.cli.thumbnails:thumbnails",
    "download": "planet_vector.cli.download:download",
    "download-quads": "planet_vector.cli.download_quads:download_quads",
}
"""What ``rio planet`` has."""

COMMANDS: Mapping[str, str] = {
    **VECTOR_COMMANDS,
    **RASTER_COMMANDS,
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
"""What ``planet-vector`` has."""


INTERRUPTED = 130
"""The exit code after Ctrl-C: 128 and the number of the signal, as shells have it."""

GRACE = 1.0  # seconds for tidying up after Ctrl-C


class Commands(click.Group):
    """Load commands by a table, and tell what goes wrong in one sentence.

    Parameters
    ----------
    targets : mapping of str to str
        ``module:attribute`` by the command's name.
    """

    def __init__(self, targets: Mapping[str, str], **attributes: Any) -> None:
        super().__init__(**attributes)
        self.targets = targets

    def list_commands(self, ctx: click.Context) -> List[str]:
        """Name the commands, in the order of the table."""
        return list(self.targets)

    def get_command(self, ctx: click.Context, cmd_name: str) -> Optional[click.Command]:
        """Load a command."""
        if cmd_name not in self.targets:
            return None
        module, _, attribute = self.targets[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def parse_args(self, ctx: click.Context, args: List[str]) -> List[str]:
        """Remember the command line, of which errors may repeat a part."""
        ctx.meta.setdefault(TYPED, (ctx.command_path, list(args)))
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command, and turn what goes wrong into a sentence and an exit code."""
        try:
            with ended_at_once(), _told_in_a_sentence():
                result = super().invoke(ctx)
                if sys.stdout is not None:
                    sys.stdout.flush()  # a closed pipe is handled below; at exit, Python prints a message
                return result
        except PlanetVectorError as error:
            raise _failure(error) from None
        except click.ClickException as error:  # of click, or of a command: about its options
            error.message = plain(explained(error), sys.stderr)
            raise
        except UnicodeEncodeError as error:
            # A name of a file as the command line gave it: GDAL takes names in UTF-8 only.
            raise click.ClickException(
                plain(
                    f"{error.object[:200]!r} is no text in the encoding of this terminal, which a file's name must be: "
                    "set LC_ALL=C.UTF-8, or give a name in ASCII.",
                    sys.stderr,
                )
            ) from None
        except OSError as error:
            if error.errno == errno.EPIPE:  # the reader closed the pipe
                _drop_output()
                raise click.exceptions.Exit(1) from None
            raise click.ClickException(plain(describe_os_error(error), sys.stderr)) from None
        except ModuleNotFoundError as error:
            if error.name is None or error.name.startswith(__package__.partition(".")[0]):
                raise
            raise click.ClickException(install_hint(error)) from None
        except KeyboardInterrupt:
            with suppress(OSError):  # whoever read it is gone, too
                sys.stdout.flush()  # whole lines, even if threads that hang take Python's own end away
            raise click.exceptions.Exit(INTERRUPTED) from None


@contextmanager
def _told_in_a_sentence() -> Iterator[None]:
    """Let what the package warns of its user be a line on stderr, without the place in the code that Python adds."""
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
    """Let Ctrl-C end the program within a second, whatever waits for whom.

    It raises KeyboardInterrupt as ever, upon which files that are not whole go and states are written. But Python does
    not end before its threads do, and one may wait for a service for minutes.
    """
    from planet_vector.driver.interrupts import handle

    before = signal.getsignal(signal.SIGINT)
    # Whoever handles it in a way of their own, or is no main thread, knows what to do.
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
    """Redirect stdout to nowhere, as its reader is gone: Python flushes it at exit, and would complain."""
    with suppress(OSError, ValueError):  # there is no such file descriptor
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
        os.close(nothing)


def _end() -> None:
    """End the program, whatever its threads do."""
    os._exit(INTERRUPTED)


def _failure(error: PlanetVectorError) -> click.ClickException:
    failure = click.ClickException(plain(str(error), sys.stderr))
    if isinstance(error, (NameSyntaxError, QueryError)) and not isinstance(error, BadQueryError):
        failure.exit_code = click.UsageError.exit_code
    return failure


@click.group(cls=Commands, targets=COMMANDS)
@click.version_option(planet_vector.__version__, message="%(prog)s %(version)s")
@verbose
def main() -> None:
    """Search satellite imagery and open it where it lies.

    The service is the one of --connection, else of PL_API_URL, else the default of 'planet-vector connections'; the key
    is the one of PL_API_KEY or of 'planet-vector login'. A search and a scene have names that every GDAL program opens,
    once it knows the driver:

    \b
        eval "$(planet-vector env)"
        ogrinfo "PLANET:ortho?cloud_cover.estimated.lte=5"
    """
