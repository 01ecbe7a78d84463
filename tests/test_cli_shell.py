"""``env`` and ``doctor``, and what a shell makes of them; the help of every command."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from importlib import import_module
from pathlib import Path
from typing import Callable, Dict

import click
import pytest

from planet_vector.cli import COMMANDS, RASTER_COMMANDS, VECTOR_COMMANDS, main
from planet_vector.driver import registration
from tests.conftest import HAS_FIONA, ROOT, Service, Start

Run = Callable[..., "subprocess.CompletedProcess[str]"]

REMEMBERED = ("GDAL_PYTHON_DRIVER_PATH", "PLANET_VECTOR_PATH")


def _without_driver(service: Service) -> dict[str, str]:
    return {name: value for name, value in service.environ.items() if name not in REMEMBERED}


def test_env_makes_the_driver_known_to_programs_of_the_shell(service: Service, run: Run) -> None:
    environ = _without_driver(service)
    assert run("bash", "-c", "ogrinfo -ro PLANET:", env=environ).returncode != 0
    done = run("bash", "-c", 'eval "$(planet-vector env)" && ogrinfo -ro PLANET:', env=environ)
    assert done.returncode == 0, done.stderr
    assert re.findall(r"^\d: (\w+)", done.stdout, re.MULTILINE) == ["landsat", "ortho", "rapideye"]


def test_env_is_quoted_for_a_shell(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = tmp_path / "a 'quoted' $HOME;dir"
    odd.mkdir()
    monkeypatch.setattr(registration, "plugin_directory", lambda: odd)
    main(["env"], standalone_mode=False)
    lines = capsys.readouterr().out.splitlines()
    assert all(len(shlex.split(line)) == 2 and line.startswith("export ") for line in lines)
    done = run("bash", "-c", "\n".join([*lines, 'printf %s "$GDAL_PYTHON_DRIVER_PATH"']))
    assert done.stdout == str(odd)


def test_env_run_again_follows_the_service_and_the_key(
    service: Service, start_service: Start, archive: Path, run: Run, tmp_path: Path
) -> None:
    """In one shell: another service, then none of whose key is known, then with a file of the user's own."""
    other = start_service(archive, key="b" * 32)
    again = 'eval "$(planet-vector env)"; echo "$GDAL_CONFIG_FILE"'
    script = f"{again}\nexport PL_API_URL={other.url} PL_API_KEY={other.key}\n{again}\nunset PL_API_KEY\n{again}"
    done = run("bash", "-c", script, env=_without_driver(service))
    first, second, third = done.stdout.split("\n")[:3]
    assert done.stderr == "" and first != second and third == ""
    assert other.key in Path(second).read_text() and service.key not in Path(second).read_text()
    own = tmp_path / "gdalrc"
    done = run("bash", "-c", again, env={**_without_driver(service), "GDAL_CONFIG_FILE": str(own)})
    assert done.stdout == f"{own}\n" and f"GDAL_CONFIG_FILE stays {own}" in done.stderr
    other.stop()


def test_env_leaves_other_drivers_where_they_are(service: Service, run: Run, tmp_path: Path) -> None:
    script = 'eval "$(planet-vector env)"; eval "$(planet-vector env)"; printf %s "$GDAL_PYTHON_DRIVER_PATH"'
    done = run("bash", "-c", script, env={**_without_driver(service), "GDAL_PYTHON_DRIVER_PATH": str(tmp_path)})
    assert done.stdout.split(os.pathsep) == [str(registration.plugin_directory()), str(tmp_path)]


_JP2 = ("JP2OpenJPEG", "JP2ECW", "JP2KAK", "JP2MrSID", "JP2Lura")


def _rasterio_drivers() -> Dict[str, str]:
    rasterio = pytest.importorskip("rasterio")
    with rasterio.Env() as environment:
        found: Dict[str, str] = environment.drivers()
        return found


def test_doctor_finds_nothing_wrong(service: Service, run: Run) -> None:
    done = run("planet-vector", "doctor", env=service.environ)
    assert done.returncode == 0, done.stdout
    names = [line.split()[1] for line in done.stdout.splitlines()[1:]]
    libraries = ["fiona", "rasterio", "pyogrio"] if HAS_FIONA else ["rasterio", "pyogrio"]
    assert names == ["service", "key", *libraries, "ogrinfo", "QGIS"]
    assert service.key not in done.stdout
    opened = [line for line in done.stdout.splitlines() if "opens PLANET: names and products" in line]
    assert [line.split()[1] for line in opened] == ["rasterio", "ogrinfo", "QGIS"]
    # Which formats a GDAL reads is GDAL's own word.
    formats = run("gdalinfo", "--formats").stdout
    told = {line.split()[1]: line for line in opened}
    for name, has in (("rasterio", any(each in _rasterio_drivers() for each in _JP2)), ("ogrinfo", "JP2" in formats)):
        assert ("reads JPEG 2000" in told[name], "has no driver for JPEG 2000" in told[name]) == (has, not has)


def test_doctor_says_which_gdal_opens_no_product(start_service: Start, archive: Path, run: Run, tmp_path: Path) -> None:
    """A service that gives a product's first byte to Python, and nothing of it to any GDAL."""
    faults = tmp_path / "faults.yml"
    faults.write_text('[{"path": "/v0/scenes/landsat/*/full", "status": 403, "skip": 1}]')
    service = start_service(archive, "--faults", str(faults))
    done = run("planet-vector", "doctor", env=service.environ)
    bad = {line.split()[1]: line for line in done.stdout.splitlines() if line.startswith("BAD")}
    assert done.returncode == 1 and set(bad) == {"rasterio", "ogrinfo", "QGIS"}, done.stdout
    assert all("but no product; it says" in line for line in bad.values())
    assert "header_file" not in done.stdout and service.key not in done.stdout
    service.stop()


def test_doctor_says_what_to_do(service: Service, run: Run) -> None:
    environ = {**_without_driver(service), "PL_API_KEY": "0" * 32, "GDAL_SKIP": " ".join(_JP2)}
    done = run("planet-vector", "doctor", env=environ)
    assert done.returncode == 1
    assert "; has no driver for JPEG 2000" in next(line for line in done.stdout.splitlines() if " rasterio " in line)
    bad = {line.split()[1]: line for line in done.stdout.splitlines() if line.startswith("BAD")}
    assert set(bad) == {"service", "ogrinfo", "QGIS"}
    assert "401" in bad["service"]
    assert 'eval "$(planet-vector env)"' in bad["ogrinfo"]


_COMPLETE = """
eval "$(planet-vector completion bash)"
COMP_WORDS=({words}) COMP_CWORD={place}
_planet_vector_completion planet-vector
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("sea", ["search"]),
        ("download", ["download", "download-quads"]),
        ("search --cl", ["--cloud-cover"]),
        ("search --order ''", ["desc", "asc"]),
        ("thumbnails x --size l", ["lg"]),
        ("cache ''", ["clear"]),
        ("completion ''", ["bash", "zsh", "fish"]),
        ("search --connection earth", ["earth-search"]),
        ("search --connection planet -s PSS", ["PSScene", "PSScene4Band", "PSScene3Band"]),
        ("count -s SkySatCollect --connection planet aoi.geojson --where ground_control_", ["ground_control_ratio"]),
        ("count --connection planet --where cloud_cover l", ["light_haze_percent", "lt", "lte"]),
        ("download --connection local x --product vis", ["visual"]),
        ("download --connection local x --product analytic,unr", ["analytic,unrectified"]),
        ("search --connection nowhere -s ''", []),
    ],
)
def test_bash_completes_at_the_tab_key(run: Run, typed: str, offered: list[str]) -> None:
    script = _COMPLETE.format(words=f"planet-vector {typed}", place=len(typed.split()))
    done = run("bash", "--norc", "-c", script)
    assert (done.stdout.split(), done.stderr) == (offered, "")


def test_bash_knows_what_completes(run: Run) -> None:
    done = run("bash", "--norc", "-c", 'eval "$(planet-vector completion bash)"; complete -p planet-vector')
    assert done.returncode == 0 and "-F _planet_vector_completion planet-vector" in done.stdout


@pytest.mark.parametrize(("shell", "asked"), [("zsh", "plain\nsearch\n"), ("fish", "plain,search\t")])
def test_other_shells_ask_and_are_answered(run: Run, shell: str, asked: str) -> None:
    """The scripts are click's; what they ask of the program is answered."""
    script = run("planet-vector", "completion", shell).stdout
    assert f"_PLANET_VECTOR_COMPLETE={shell}_complete" in script
    words = {"zsh": ("planet-vector sea", "1"), "fish": ("planet-vector sea", "sea")}[shell]
    variables = {"COMP_WORDS": words[0], "COMP_CWORD": words[1], "_PLANET_VECTOR_COMPLETE": f"{shell}_complete"}
    assert run("planet-vector", env={**os.environ, **variables}).stdout.startswith(asked)


def _every_command() -> dict[str, click.Command]:
    found = {}
    for name, target in COMMANDS.items():
        module, _, attribute = target.partition(":")
        found[name] = getattr(import_module(module), attribute)
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_an_example_verbosity_a_page_and_a_test(name: str) -> None:
    command = _every_command()[name]
    assert command.name == name
    text = command.help or ""
    assert re.search(rf"Examples?:\n(.*\n)*?\s+.*(planet-vector|fio planet|rio planet) {name}\b", text), "no example"
    assert "\\b" not in text, "a raw docstring: click does not see the mark that keeps lines as they are"
    assert {"-v", "--verbose"} <= {flag for option in command.params for flag in option.opts}
    assert f"\n## {name}\n" in (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    # A test runs it: its name stands as a word of a command line in one of the suite's files.
    run_as = re.compile(rf"""["' ]{name}["' ]""")
    tests = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py") if path != Path(__file__)]
    tests.append(Path(__file__).read_text(encoding="utf-8"))
    assert any(run_as.search(text) for text in tests), "no test"


def test_commands_within_commands_have_help_an_example_and_verbosity() -> None:
    groups = {name: command for name, command in _every_command().items() if isinstance(command, click.Group)}
    assert groups
    for name, group in groups.items():
        for inner, command in group.commands.items():
            assert re.search(rf"Examples?:\n\s+.*planet-vector {name} {inner}\b", command.help or "")
            assert {"-v", "--verbose"} <= {flag for option in command.params for flag in option.opts}


def test_help_lists_every_command(run: Run) -> None:
    for command, names in (
        (["planet-vector"], COMMANDS),
        *([(["fio", "planet"], VECTOR_COMMANDS)] if HAS_FIONA else []),
        (["rio", "planet"], RASTER_COMMANDS),
    ):
        done = run(*command, "--help")
        assert done.returncode == 0, done.stderr
        listed = re.findall(r"^  (\w[\w-]*)  ", done.stdout.partition("Commands:")[2], re.MULTILINE)
        assert listed == list(names)


def test_python_m_is_the_same(run: Run) -> None:
    assert run("python3", "-m", "planet_vector.cli", "--version").stdout == run("planet-vector", "--version").stdout
