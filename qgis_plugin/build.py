"""Build the QGIS plugin: one zip without dependencies beyond QGIS.

::

    python qgis_plugin/build.py           write dist/planet_scenes-<version>.zip
    python qgis_plugin/build.py --texts   update the translation files from the sources
    python qgis_plugin/build.py --texts fr    the same, and begin a translation into another language

The zip contains the parts of planet_vector that the plugin uses as a subpackage, ``planet_scenes.planet_vector``: QGIS
has no pip, and another plugin or the user may have installed another version. Imports are rewritten to that name. The
modules are chosen by their imports: all that the plugin and the GDAL drivers reach, except those that cannot be
imported inside QGIS because they import rasterio, shapely and the like.
"""

from __future__ import annotations

import ast
import importlib.util
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from pathlib import Path
from typing import Dict, Iterator, List, Set, Tuple
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
PLUGIN = Path(__file__).resolve().parent / "planet_scenes"
CORE = "planet_vector"
NAME = PLUGIN.name

DRIVERS = (f"{CORE}.plugins.gdal_PLANET", f"{CORE}.plugins.gdal_STAC")
BROUGHT = {"gdal_python_driver", "numpy", "osgeo", "processing", "qgis", "requests", "urllib3", NAME}
"""Libraries that QGIS includes besides the standard library: the first belongs to GDAL, urllib3 comes with requests."""

LICENSES = ("LICENSE", "THIRD_PARTY_NOTICES.md")
CARRIED = (".py", ".svg", ".txt")
MOST_BYTES = 25 * 2**20  # size limit of plugins.qgis.org
COMPILERS = ("lrelease", "lrelease-qt5", "lrelease-qt6", "lrelease6", "pyside6-lrelease")


def main() -> None:
    """Build the plugin or update the translations, depending on the arguments."""
    if sys.argv[1:2] == ["--texts"] and all(re.fullmatch("[a-z]{2}", language) for language in sys.argv[2:]):
        new = {PLUGIN / "i18n" / f"{NAME}_{language}.ts" for language in sys.argv[2:]}
        for file in sorted({*PLUGIN.glob("i18n/*.ts"), *new}):
            print(f"{file.relative_to(ROOT)}: {update(file)} texts without a translation")
    elif sys.argv[1:]:
        sys.exit(__doc__)
    else:
        print(build(ROOT / "dist").relative_to(ROOT))


def build(directory: Path) -> Path:
    """Write the zip; the same sources give the same bytes.

    Parameters
    ----------
    directory : Path
        The destination folder.

    Returns
    -------
    Path
        The zip.
    """
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{NAME}-{version()}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in sorted(contents().items()):
            entry = zipfile.ZipInfo(f"{NAME}/{name}", date_time=(1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    if path.stat().st_size > MOST_BYTES:
        sys.exit(f"{path} has {path.stat().st_size:,} bytes, more than a plugin may have ({MOST_BYTES:,}).")
    return path


def version() -> str:
    """Return the version of planet_vector, which is also the plugin's."""
    found = re.search(r'^__version__ = "(.+)"$', (ROOT / CORE / "version.py").read_text(encoding="utf-8"), re.M)
    if found is None:
        sys.exit(f"{CORE}/version.py contains no __version__.")
    return found[1]


def contents() -> Dict[str, bytes]:
    """Return the contents of the plugin's files, by path within its folder."""
    found = {name: (ROOT / name).read_bytes() for name in LICENSES}
    found["help/qgis.md"] = (ROOT / "docs" / "qgis.md").read_bytes()
    for file in PLUGIN.rglob("*"):
        if file.is_file() and file.suffix in CARRIED:
            name = file.relative_to(PLUGIN).as_posix()
            found[name] = rewritten(file) if file.suffix == ".py" else file.read_bytes()
    for module, file in carried().items():
        place = module.replace(".", "/") + ("/__init__" if file.stem == "__init__" else "")
        found[f"{place}.py"] = rewritten(file)
    said = found["metadata.txt"].decode()
    found["metadata.txt"] = re.sub(r"^version=.*$", f"version={version()}", said, flags=re.M).encode()
    with tempfile.TemporaryDirectory() as directory:
        for file in sorted(PLUGIN.glob("i18n/*.ts")):
            found[f"i18n/{file.stem}.qm"] = compiled(file, Path(directory))
    return found


# ---- the core ----------------------------------------------------------------------------------------------


def carried() -> Dict[str, Path]:
    """Return the files of the planet_vector modules that the plugin contains, by module name."""
    modules = _core()
    trees = {name: ast.parse(file.read_bytes()) for name, file in modules.items()}
    fit: Dict[str, bool] = {}

    def fits(name: str) -> bool:
        """Return True if a module can be imported inside QGIS."""
        if name not in fit:
            fit[name] = True  # of modules that import each other, the other imports decide
            needed = set(_imports(trees[name], modules, at_once=True)) | set(_parents(name))
            fit[name] = all(
                fits(other) if other in modules else other in BROUGHT or _is_pythons_own(other) for other in needed
            )
        return fit[name]

    found: Set[str] = set()
    waiting = [*DRIVERS]
    for file in PLUGIN.rglob("*.py"):
        waiting += [name for name in _imports(ast.parse(file.read_bytes()), modules) if name in modules]
    while waiting:
        name = waiting.pop()
        if name not in found and fits(name):
            found.add(name)
            waiting += [other for other in _imports(trees[name], modules) if other in modules]
            waiting += _parents(name)
    return {name: modules[name] for name in sorted(found)}


def _is_pythons_own(name: str) -> bool:
    """Return True if a module belongs to the standard library."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        return False
    if spec.origin in ("built-in", "frozen"):
        return True
    place = Path(spec.origin).resolve()
    return Path(sysconfig.get_path("stdlib")).resolve() in place.parents and "site-packages" not in place.parts


def rewritten(file: Path) -> bytes:
    """Return a source with imports of planet_vector rewritten to the plugin's subpackage.

    Suppressions of ruff's S rules, which are Bandit's, are repeated in Bandit's syntax; `assert` statements, which
    serve the type checker, are marked as well.

    Parameters
    ----------
    file : Path
        The source file.
    """
    source = file.read_text(encoding="utf-8")
    source = re.sub(r"# noqa: S(\d{3})\b", r"# nosec B\1 # noqa: S\1", source)
    source = re.sub(r"^( *assert [^#\n]+)$", r"\1  # nosec B101", source, flags=re.M)
    lines = source.splitlines(keepends=True)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            ours = node.level == 0 and _top(node.module or "") == CORE
        elif isinstance(node, ast.Import):
            ours = any(_top(alias.name) == CORE for alias in node.names)
            if ours and (len(node.names) > 1 or node.names[0].asname is None):
                sys.exit(f"{file}:{node.lineno}: write 'from … import …' or 'import … as …', alone on a line.")
        else:
            continue
        if ours:
            line = lines[node.lineno - 1]
            # Columns count bytes; the text before an import is ASCII.
            head, tail = line[: node.col_offset], line[node.col_offset :]
            lines[node.lineno - 1] = head + re.sub(rf"\b{CORE}\b", f"{NAME}.{CORE}", tail, count=1)
    return "".join(lines).encode()


def _core() -> Dict[str, Path]:
    """Return the files of all planet_vector modules by name; those of plugins/ are installed as a subpackage."""
    found = {}
    for top, folder in ((CORE, ROOT / CORE), (f"{CORE}.plugins", ROOT / "plugins")):
        for file in folder.rglob("*.py"):
            parts = file.relative_to(folder).with_suffix("").parts
            found[".".join((top, *(part for part in parts if part != "__init__")))] = file
    return found


def _imports(tree: ast.AST, modules: Dict[str, Path], at_once: bool = False) -> Iterator[str]:
    """Yield the imports of a source: full names of planet_vector modules, top-level packages of others.

    With ``at_once``, only imports that run when the source is imported, not those in functions.
    """
    for node in _walk(tree, at_once):
        names: List[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [node.module, *(name for name in inner if name in modules)]
        for name in names:
            yield name if name in modules else _top(name)


def _walk(tree: ast.AST, at_once: bool) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if at_once and (
            isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Try))
            or isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        ):  # fmt: skip
            continue
        yield node
        yield from _walk(node, at_once)


def _parents(name: str) -> List[str]:
    parts = name.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts))]


def _top(name: str) -> str:
    return name.partition(".")[0]


# ---- the texts ---------------------------------------------------------------------------------------------


def texts() -> List[Tuple[str, str]]:
    """Return the texts that the plugin's sources pass to `tr`, each with the file of its first occurrence."""
    found: Dict[str, str] = {}
    for file in sorted(PLUGIN.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "tr":
                text = node.args[0] if len(node.args) == 1 else None
                if not (isinstance(node.func, ast.Name) and isinstance(text, ast.Constant)):
                    sys.exit(
                        f"{file}:{node.lineno}: tr() takes one literal; write tr('… {{count}} …').format(count=…)."
                    )
                found.setdefault(str(text.value), file.relative_to(PLUGIN).as_posix())
    return [(text, place) for text, place in found.items()]


def update(file: Path) -> int:
    """Rewrite a translation file from the sources, keeping its translations, or begin one.

    Parameters
    ----------
    file : Path
        The translation file, whose name ends in the code of the language.

    Returns
    -------
    int
        The number of texts without a translation.
    """
    stored = translations(file) if file.exists() else {}
    known = {text: translation for text, translation in stored.items() if translation}
    root = ElementTree.Element("TS", version="2.1", language=file.stem.rpartition("_")[2], sourcelanguage="en")
    context = ElementTree.SubElement(root, "context")
    ElementTree.SubElement(context, "name").text = NAME
    for text, place in texts():
        message = ElementTree.SubElement(context, "message")
        ElementTree.SubElement(message, "location", filename=f"../{place}")
        ElementTree.SubElement(message, "source").text = text
        attributes = {} if text in known else {"type": "unfinished"}
        ElementTree.SubElement(message, "translation", attributes).text = known.get(text)
    ElementTree.indent(root)
    body = ElementTree.tostring(root, encoding="unicode")
    file.write_text(f'<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE TS>\n{body}\n', encoding="utf-8")
    return len(texts()) - sum(text in known for text, _ in texts())


def translations(file: Path) -> Dict[str, str]:
    """Return the texts of a translation file with their translations ("" if there is none).

    Parameters
    ----------
    file : Path
        The translation file.
    """
    messages = ElementTree.parse(file).getroot().iter("message")
    return {message.findtext("source", ""): message.findtext("translation", "") for message in messages}


def compiled(file: Path, directory: Path) -> bytes:
    """Return a translation in Qt's binary format.

    Parameters
    ----------
    file : Path
        The translation file.
    directory : Path
        Folder for temporary files.
    """
    compiler = next(filter(None, map(shutil.which, COMPILERS)), None)
    if compiler is None:
        sys.exit("Qt's lrelease is missing, which compiles translations: on Debian, install qttools5-dev-tools.")
    target = directory / f"{file.stem}.qm"
    subprocess.run([compiler, "-silent", str(file), "-qm", str(target)], check=True)
    return target.read_bytes()


if __name__ == "__main__":
    main()
