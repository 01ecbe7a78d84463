"""One thing has one name: in all commands, and where rio or cligj has it, theirs."""

from __future__ import annotations

from collections import defaultdict
from importlib import import_module
from inspect import signature
from typing import Dict, Iterator, Set, Tuple

import click
import pytest

import planet_vector
from planet_vector.cli import COMMANDS
from planet_vector.cli.search_options import SEARCH_FLAGS


def options() -> Iterator[Tuple[str, click.Option]]:
    """Yield the commands and their options."""
    for name, target in COMMANDS.items():
        module, _, attribute = target.partition(":")
        command = getattr(import_module(module), attribute)
        for each in command.commands.values() if isinstance(command, click.Group) else [command]:
            yield from ((name, option) for option in each.params if isinstance(option, click.Option))


def test_an_option_has_the_same_short_form_in_every_command() -> None:
    forms: Dict[str, Set[Tuple[str, ...]]] = defaultdict(set)
    for _, option in options():
        for long in (text for text in option.opts if text.startswith("--")):
            forms[long].add(tuple(sorted(set(option.opts) - {long})))
    assert {long for long, found in forms.items() if len(found) > 1} == set()


@pytest.mark.parametrize("command", ["warp", "merge", "clip"])
def test_what_rio_has_has_the_name_it_has_there(command: str) -> None:
    pytest.importorskip("rasterio")
    theirs = {
        long: set(option.opts)
        for option in getattr(import_module(f"rasterio.rio.{command}"), command).params
        if isinstance(option, click.Option)
        for long in option.opts
        if long.startswith("--")
    }
    shared = {"--output", "--overwrite", "--res", "--resampling", "--dst-crs", "--dry-run"} & set(theirs)
    assert len(shared) >= 2
    seen = set()
    for _, option in options():
        for long in set(option.opts) & shared:
            assert set(option.opts) & theirs[long] == set(option.opts)
            assert {text for text in theirs[long] if not text.startswith("--")} <= set(option.opts), long
            seen.add(long)
    assert seen == shared


def test_what_cligj_has_has_the_name_it_has_there() -> None:
    cligj = pytest.importorskip("cligj")

    @cligj.indent_opt
    @cligj.compact_opt
    @cligj.use_rs_opt
    @cligj.verbose_opt
    @click.command()
    def command() -> None: ...

    theirs = {long: option for option in command.params for long in option.opts if long.startswith("--")}
    for name, option in options():
        for long in set(option.opts) & set(theirs):
            assert set(option.opts) == set(theirs[long].opts), (name, long)
            assert option.name == theirs[long].name or not option.expose_value


def test_python_calls_things_as_the_commands_do() -> None:
    for function, names in {
        planet_vector.mosaic: {"product", "dst_crs", "res", "dst_bounds", "top", "resampling"},
        planet_vector.crop_stack: {
            "product",
            "dst_crs",
            "resampling",
            "require_valid",
            "cog",
            "overwrite",
            "rectangle",
        },
        planet_vector.to_xarray: {"product", "dst_crs", "resampling", "rectangle"},
        planet_vector.open: {"res"},
        planet_vector.sync: {"dry_run"},
        planet_vector.write_map: {"thumbnails", "background", "attribution"},
    }.items():
        assert names <= set(signature(function).parameters)
        assert {f"--{name.replace('_', '-')}" for name in names} <= {
            text for _, option in options() for text in option.opts
        }


IN_PYTHON = {"area": "intersects", "scene_type": "name", "acquired": "datetime"}
"""Terms of a search that Python calls otherwise, by the name of the option."""

OUTPUT = {"collection", "use_rs", "indent", "compact", "names", "as_csv", "geoparquet", "as_table", "overwrite"}
"""Options of the form in which scenes are printed."""


def test_python_searches_by_all_terms_of_the_command() -> None:
    from planet_vector.cli.search import search

    terms = {option.name or "" for option in search.params} - OUTPUT - {"verbose", "quiet"}
    assert terms == set(SEARCH_FLAGS)
    assert {IN_PYTHON.get(term, term) for term in terms} <= set(signature(planet_vector.search).parameters)
