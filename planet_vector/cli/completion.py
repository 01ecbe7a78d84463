"""``planet-vector completion``."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from planet_vector.cli import options
from planet_vector.cli.messages import say
from planet_vector.errors import ConfigError

_PROGRAM = "planet-vector"
_VARIABLE = "_PLANET_VECTOR_COMPLETE"  # the variable of click's scripts: the program's name in capitals


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@options.verbose
def completion(shell: str) -> None:
    """Print a script for shell completion of commands and options.

    For every new shell, put the line of the example into ~/.bashrc or ~/.zshrc; for fish, write the output to
    ~/.config/fish/completions/planet-vector.fish.

    \b
    Example:
        eval "$(planet-vector completion bash)"
    """
    kind = get_completion_class(shell)
    assert kind is not None
    try:
        script = kind(click.get_current_context().find_root().command, {}, _PROGRAM, _VARIABLE).source()
    except (RuntimeError, FileNotFoundError) as error:  # click checks the version of bash
        raise ConfigError(f"There is no completion for {shell} here: {error}.") from None
    say(script)
