"""The zip of the plugin: what is in it, that it needs nothing else, and what scanners and translators say of it."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import re
import shutil
import string
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any, Callable, Dict, Iterator, List

import pytest

from planet_vector.connections import BUILT_IN
from planet_vector.driver.registration import environment
from tests.bare import REFUSE
from tests.conftest import ROOT, Service

LANGUAGES = sorted(file.stem[-2:] for file in (ROOT / "qgis_plugin" / "planet_scenes" / "i18n").glob("*.ts"))
SCANNERS = ROOT / ".venv" / "bin"
# Python as QGIS runs it: without the environment of the tests, in which planet_vector is installed.
BARE = ["/usr/bin/python3", "-I", "-X", "utf8"]


@pytest.fixture(scope="module")
def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("plugin_build", ROOT / "qgis_plugin" / "build.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def package(build: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build.build(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def unpacked(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plugins")
    with zipfile.ZipFile(package) as archive:
        archive.extractall(folder)
    return folder


def _sources(folder: Path) -> Iterator[Path]:
    return (folder / "planet_scenes").rglob("*.py")


# ---- what is in it -----------------------------------------------------------------------------------------


def test_the_zip_has_one_folder_and_only_what_a_plugin_may_have(package: Path) -> None:
    with zipfile.ZipFile(package) as archive:
        entries = archive.infolist()
    names = [entry.filename for entry in entries]
    assert {name.split("/")[0] for name in names} == {"planet_scenes"}
    assert {"planet_scenes/__init__.py", "planet_scenes/metadata.txt"} <= set(names)
    assert {Path(name).suffix for name in names} == {".py", ".svg", ".txt", ".qm", ".md", ""}
    texts = {name for name in names if Path(name).suffix in ("", ".md")}
    assert texts == {f"planet_scenes/{name}" for name in ("LICENSE", "THIRD_PARTY_NOTICES.md", "help/qgis.md")}
    assert not [name for name in names if re.search(r"/[.]|__pycache__|test|\.(?:ts|pyc|so|dll)$", name)]
    assert {entry.external_attr >> 16 for entry in entries} == {0o644}
    assert package.stat().st_size < 1_000_000


def test_the_version_is_that_of_the_package(package: Path, unpacked: Path) -> None:
    version = subprocess.run(
        [sys.executable, "-c", "import planet_vector; print(planet_vector.__version__)"], capture_output=True, text=True
    ).stdout.strip()
    assert package.name == f"planet_scenes-{version}.zip"
    assert f"\nversion={version}\n" in (unpacked / "planet_scenes" / "metadata.txt").read_text(encoding="utf-8")


def test_the_metadata_says_what_the_plugin_site_wants(unpacked: Path) -> None:
    import configparser

    parser = configparser.ConfigParser(interpolation=None)
    parser.read(unpacked / "planet_scenes" / "metadata.txt", encoding="utf-8")
    said = parser["general"]
    wanted = "name description version qgisMinimumVersion author email about tracker repository homepage changelog"
    assert all(said.get(name) for name in wanted.split())
    assert (said["qgisMinimumVersion"], said["qgisMaximumVersion"]) == ("3.22", "4.99")
    assert said["hasProcessingProvider"] == "yes"
    assert "supportsqt6" not in said
    assert (unpacked / "planet_scenes" / said["icon"]).is_file()


def test_the_same_sources_give_the_same_bytes(build: ModuleType, package: Path, tmp_path: Path) -> None:
    assert build.build(tmp_path).read_bytes() == package.read_bytes()


# ---- that it needs nothing else ----------------------------------------------------------------------------


def test_a_driver_that_a_shell_made_known_makes_room(unpacked: Path, service: Service, tmp_path: Path) -> None:
    # It runs in an installed planet_vector, which would not hear of a log-in in the plugin's own.
    more = {"QT_QPA_PLATFORM": "offscreen", "PL_API_URL": service.url, "QGIS_AUTH_DB_DIR_PATH": str(tmp_path)}
    env = {**os.environ, **environment(), **more}
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from osgeo import ogr; from qgis.core import QgsApplication\n"
        "assert ogr.GetDriverByName('PLANET') is not None\n"
        "app = QgsApplication([], False); app.initQgis()\n"
        "from planet_scenes import core; from planet_scenes.planet_vector import keys\n"
        "core.start(); core.start()\n"
        "keys.lend_key(sys.argv[2], keys.Key(sys.stdin.read()))\n"
        "source = ogr.Open('PLANET:ortho?limit=3'); print(source.GetLayer(0).GetFeatureCount())\n"
        "source = None; app.exitQgis()\n"  # a dataset must not outlive QGIS
    )
    command = [*BARE, "-c", code, str(unpacked), service.url]
    done = subprocess.run(command, input=service.key, capture_output=True, text=True, env=env, timeout=120)
    assert (done.stdout.splitlines()[-1:], done.returncode) == (["3"], 0), done.stderr


def test_no_import_leads_out_of_the_plugin(unpacked: Path) -> None:
    strangers = set()
    for file in _sources(unpacked):
        for node in ast.walk(ast.parse(file.read_bytes())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""] if node.level == 0 else []
            strangers |= {name for name in names if name.split(".")[0] == "planet_vector"}
    assert not strangers


def modules_of_the_core(unpacked: Path) -> List[str]:
    """Return the names of all modules that the plugin carries from planet_vector, but the GDAL drivers'."""
    return [
        ".".join(file.relative_to(unpacked).with_suffix("").parts)
        for file in (unpacked / "planet_scenes" / "planet_vector").rglob("*.py")
        if file.stem not in ("__init__", "gdal_PLANET", "gdal_STAC")
    ]


def test_every_module_of_the_core_is_imported_by_qgis_own_python(unpacked: Path) -> None:
    modules = modules_of_the_core(unpacked)
    code = (
        "import importlib, sys; sys.path.insert(0, sys.argv[1])\n"
        "for name in sys.argv[2:]: importlib.import_module(name)\n"
        "strangers = ('rasterio', 'shapely', 'fiona', 'planet_vector', 'PyQt5', 'PyQt6')\n"
        "print(len(sys.argv) - 2, [name for name in strangers if name in sys.modules])"
    )
    said = subprocess.run([*BARE, "-c", code, str(unpacked), *modules], capture_output=True, text=True)
    assert (said.stdout, said.stderr) == (f"{len(modules)} []\n", "")
    assert len(modules) > 30


def test_the_core_needs_the_standard_library_and_requests_alone(unpacked: Path) -> None:
    modules = modules_of_the_core(unpacked)
    code = (
        "import importlib; sys.path.insert(0, sys.argv[1])\n"
        "Refuse.asked |= {'planet_scenes', 'osgeo', 'qgis', 'PyQt5', 'PyQt6'}\n"
        "for name in sys.argv[2:]:\n"
        "    try: importlib.import_module(name)\n"
        "    except ModuleNotFoundError as error: print(error.name, name.rpartition('planet_vector.')[2])\n"
    )
    said = subprocess.run([*BARE, "-c", REFUSE + code, str(unpacked), *modules], capture_output=True, text=True)
    assert said.stderr == ""
    # What looks for stacks and rectangles, draws colours and turns pictures needs the numpy that QGIS brings.
    needing = [line.split() for line in said.stdout.splitlines()]
    assert {name for name, _ in needing} <= {"numpy"}
    assert all(module.startswith(("stacks.", "pixels.colormap", "raster.warping")) for _, module in needing), needing


def test_the_driver_of_the_zip_works_in_this_process_and_in_ogr2ogr(
    unpacked: Path, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = """
import os, subprocess, sys
sys.path.insert(0, sys.argv[1])
from planet_scenes.planet_vector.driver import registration
os.environ.update(registration.environment())
from osgeo import ogr
registration.register()
source = ogr.Open("PLANET:ortho?limit=3")
print(*(feature["id"] for feature in source.GetLayer(0)))
print([name for name in sys.modules if name.split(".")[0] == "planet_vector"])
said = subprocess.run(["ogr2ogr", "-f", "CSV", "/vsistdout/", "PLANET:ortho?limit=3", "-select", "id"],
                      capture_output=True, text=True)
print(*said.stdout.split()[1:])
print(said.stderr)
"""
    environ = {
        "PATH": "/usr/bin:/bin",
        "HOME": os.environ["HOME"],
        "TMPDIR": os.environ["TMPDIR"],
        "PL_API_URL": service.url,
        "PL_API_KEY": service.key,
    }
    said = subprocess.run([*BARE, "-c", code, str(unpacked)], capture_output=True, text=True, env=environ)
    here, strangers, there, errors, *_ = said.stdout.splitlines()
    assert len(here.split()) == 3, said.stderr
    assert strangers == "[]"
    assert there.split() == here.split()
    assert errors == ""


# ---- scanners of the plugin site ---------------------------------------------------------------------------


def _scan(*command: str, cwd: Path) -> str:
    program = SCANNERS / command[0]
    if not program.exists():
        pytest.skip(f"{command[0]} is not installed: run 'make test'")
    return subprocess.run([str(program), *command[1:]], capture_output=True, text=True, cwd=cwd).stdout


def test_bandit_finds_nothing(unpacked: Path) -> None:
    # The site runs its enabled tests whatever their severity; B404 (the import of subprocess) is disabled there.
    report: Dict[str, Any] = json.loads(_scan("bandit", "-q", "-r", ".", "-f", "json", "-s", "B404", cwd=unpacked))
    assert report["metrics"]["_totals"]["loc"] > 3000
    found = [f"{i['filename']}:{i['line_number']} {i['test_id']} {i['issue_text']}" for i in report["results"]]
    assert found == []


def test_detect_secrets_finds_nothing(unpacked: Path) -> None:
    said = _scan("detect-secrets", "scan", "--all-files", "--exclude-files", r"metadata\.txt", ".", cwd=unpacked)
    assert json.loads(said)["results"] == {}


def test_flake8_finds_nothing(unpacked: Path) -> None:
    # E203 and E501 are disabled at the site: the first asks for what formatters undo, and imports grow by rewriting.
    said = _scan("flake8", "--isolated", "--max-line-length=120", "--extend-ignore=E203,E501", ".", cwd=unpacked)
    assert said == ""


# ---- texts -------------------------------------------------------------------------------------------------


def _fields(text: str) -> List[Any]:
    return sorted((each[1:] for each in string.Formatter().parse(text) if each[1] is not None), key=repr)


def _end(text: str) -> str:
    return text[-1] if text[-1] in ".:…?" else ""


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated_with_the_same_fields_accelerators_and_end(build: ModuleType, language: str) -> None:
    file = build.PLUGIN / "i18n" / f"planet_scenes_{language}.ts"
    known: Dict[str, str] = build.translations(file)
    texts: List[str] = [text for text, _ in build.texts()]
    assert [text for text in texts if not known.get(text)] == []
    assert [text for text in known if text not in texts] == [], "texts that are gone: run build.py --texts"
    assert f'language="{language}"' in file.read_text(encoding="utf-8")
    for same in (_fields, _end, lambda text: text.count("&"), lambda text: text == text.strip()):
        assert [text for text in texts if same(text) != same(known[text])] == []
    # Qt's own plurals are not used: one and several are texts of their own.
    assert [text for text in texts if "%n" in text] == []
    # Few texts are the same in two languages.
    assert sum(text == known[text] for text in texts) < len(texts) / 20


def test_a_new_language_begins_with_all_texts_and_keeps_what_is_translated(build: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "planet_scenes_fr.ts"
    count = len(build.texts())
    assert build.update(file) == count
    text = file.read_text(encoding="utf-8")
    assert 'language="fr"' in text and text.count('type="unfinished"') == count
    file.write_text(text.replace('<translation type="unfinished" />', "<translation>Oui</translation>", 3))
    assert build.update(file) == count - 3 and build.update(file) == count - 3


def test_texts_reach_tr_as_literals_and_no_other_way(build: ModuleType) -> None:
    others = [
        f"{file.name}:{number}"
        for file in build.PLUGIN.rglob("*.py")
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(r"\bself\.tr\(|QCoreApplication\.translate\(", line) and file.name != "texts.py"
    ]
    assert others == []
    assert len(build.texts()) > 100


def test_the_translations_of_the_zip_are_those_of_the_sources(
    build: ModuleType, unpacked: Path, run: Callable[..., Any]
) -> None:
    assert len(LANGUAGES) > 1
    code = """
import sys
from PyQt5.QtCore import QCoreApplication, QTranslator
app = QCoreApplication([])
for file in sys.argv[1].split(","):
    translator = QTranslator()
    print(translator.load(file) and app.installTranslator(translator))
    for text in sys.argv[2:]:
        print(app.translate("planet_scenes", text))
    app.removeTranslator(translator)
"""
    some = [text for text, _ in build.texts()][::10]
    expected: List[str] = []
    for language in LANGUAGES:
        known: Dict[str, str] = build.translations(build.PLUGIN / "i18n" / f"planet_scenes_{language}.ts")
        expected += ["True", *(known[text] for text in some)]
    files = [str(unpacked / "planet_scenes" / "i18n" / f"planet_scenes_{language}.qm") for language in LANGUAGES]
    said = run(*BARE, "-c", code, ",".join(files), *some)
    assert said.stdout.splitlines() == expected


def test_every_icon_the_sources_name_is_there(unpacked: Path) -> None:
    plugin = unpacked / "planet_scenes"
    named = set()
    for file in _sources(unpacked):
        named |= set(re.findall(r"\bicon\(\"(\w+)\"\)|\bICON = \"(\w+)\"", file.read_text(encoding="utf-8")))
    names = {name for pair in named for name in pair if name}
    assert names
    assert {name for name in names if not (plugin / "icons" / f"{name}.svg").is_file()} == set()


# ---- qgis_process ------------------------------------------------------------------------------------------


@pytest.fixture
def qgis_process(
    unpacked: Path, service: Service, tmp_path: Path, run: Callable[..., Any]
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs an algorithm with the zip and the service in the environment.

    It takes the connections that are stored, then the algorithm and its parameters.
    """
    program = shutil.which("qgis_process.bin") or shutil.which("qgis_process")
    if program is None:
        pytest.skip("qgis_process is not installed: run 'make test'")
    profile = tmp_path / "profiles" / "default"
    (profile / "QGIS").mkdir(parents=True)
    (tmp_path / "runtime").mkdir(mode=0o700)
    environ = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "TMPDIR": os.environ["TMPDIR"],
        "QT_QPA_PLATFORM": "offscreen",
        "XDG_RUNTIME_DIR": str(tmp_path / "runtime"),
        "QGIS_PLUGINPATH": str(unpacked),
        "QGIS_CUSTOM_CONFIG_PATH": str(tmp_path),
        "PL_API_URL": service.url,
        "PL_API_KEY": service.key,
    }

    def call(stored: Dict[str, str], algorithm: str, *parameters: str) -> subprocess.CompletedProcess[str]:
        known = json.dumps({name: {"url": url} for name, url in stored.items()}).replace('"', '\\"')
        ini = profile / "QGIS" / "QGIS3.ini"
        ini.write_text(f'[PythonPlugins]\nplanet_scenes=true\n[planet_scenes]\nconnections="{known}"\n')
        done: subprocess.CompletedProcess[str] = run(program, "run", algorithm, "--", *parameters, env=environ)
        assert service.key not in done.stdout + done.stderr
        return done

    return call


@pytest.mark.parametrize("way", ["nothing", "name", "url", "other"])
def test_the_zip_works_in_qgis_process(
    qgis_process: Callable[..., Any], service: Service, tmp_path: Path, run: Callable[..., Any], way: str
) -> None:
    stored, given = {
        "nothing": ({}, []),
        "name": ({"mine": service.url}, ["CONNECTION=mine"]),
        "url": ({}, [f"CONNECTION={service.url}"]),
        "other": ({"mine": "http://127.0.0.1:9/v0/"}, [f"CONNECTION={service.url}"]),
    }[way]
    target = tmp_path / "scenes.gpkg"
    done = qgis_process(stored, "planet:search", *given, "SCENE_TYPE=ortho", "LIMIT=5", f"OUTPUT={target}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "NAME:\tPLANET:ortho?limit=5" in done.stdout
    counted = run("/usr/bin/ogrinfo", "-so", "-al", str(target))
    assert "Feature Count: 5" in counted.stdout


def test_a_wrong_connection_is_one_sentence_in_qgis_process(
    qgis_process: Callable[..., Any], service: Service, tmp_path: Path
) -> None:
    target = tmp_path / "scenes.gpkg"
    done = qgis_process({}, "planet:search", "CONNECTION=mine", "SCENE_TYPE=ortho", f"OUTPUT={target}")
    said = done.stdout + done.stderr
    assert done.returncode != 0 and not target.exists()
    names = ", ".join(map(repr, ["PL_API_URL", *BUILT_IN]))
    sentence = f"There is no connection 'mine': give one of {names}, or the root URL of a service."
    assert said.count(sentence) == 1 and "Traceback" not in said
