"""Qt 6: the plugin's sources have no unscoped enumerations and no removed names, and its modules load with PyQt6."""

from __future__ import annotations

import ast
import enum
import inspect
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, Dict, Iterator, List, NamedTuple, Set

import pytest
import qgis.core
import qgis.gui
from osgeo import ogr
from qgis.PyQt import QtCore, QtGui, QtNetwork, QtWidgets, sip

from tests.conftest import ROOT

PLUGIN = ROOT / "qgis_plugin" / "planet_scenes"
QT = {"QtCore": QtCore, "QtGui": QtGui, "QtNetwork": QtNetwork, "QtWidgets": QtWidgets, "sip": sip}
MODULES: Dict[str, ModuleType] = {
    "qgis.core": qgis.core,
    "qgis.gui": qgis.gui,
    **{f"qgis.PyQt.{name}": module for name, module in QT.items()},
}
REMOVED = {"exec_", "print_", "toTime_t", "setTime_t", "fromTime_t", "toPyObject", "QRegExp", "QDesktopWidget"}
"""Well-known names of Qt 5's Python that Qt 6's lacks; test_modules_load_with_pyqt6 compares all."""

OLD = ["QtCore.QVariant.Type"]  # for fields before QGIS 3.38, none of which has Qt 6


class Use(NamedTuple):
    """A name with dots in the sources, from the class that it begins with: ``Qt``, ``AlignmentFlag``, ``AlignLeft``."""

    place: str
    root: Any
    module: str
    names: List[str]


def _imported(tree: ast.AST) -> Dict[str, str]:
    """Return the modules from which the classes of Qt and QGIS are imported, by name."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in MODULES:
            found.update({alias.asname or alias.name: node.module for alias in node.names})
    return found


def _chain(node: ast.AST) -> List[str]:
    """Return the names of ``a.b.c``; empty if it begins with something else."""
    if isinstance(node, ast.Name):
        return [node.id]
    inner = _chain(node.value) if isinstance(node, ast.Attribute) else []
    return [*inner, node.attr] if inner and isinstance(node, ast.Attribute) else []


def uses(source: str, place: str) -> Iterator[Use]:
    """Yield the names that begin with a class of Qt or QGIS, also by a variable that stands for it."""
    tree = ast.parse(source)
    modules = _imported(tree)
    stands: Dict[str, List[str]] = {name: [name] for name in modules}
    for _ in range(2):  # variables may stand for variables
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                chain = _chain(node.value)
                if chain and chain[0] in stands and node.targets[0].id not in modules:
                    stands[node.targets[0].id] = [*stands[chain[0]], *chain[1:]]
    for node in ast.walk(tree):
        chain = _chain(node) if isinstance(node, ast.Attribute) else []
        if chain and chain[0] in stands:
            names = [*stands[chain[0]], *chain[1:]]
            module = modules[names[0]]
            yield Use(f"{place}:{node.lineno}", getattr(MODULES[module], names[0], None), module, names)


def is_unscoped(use: Use) -> bool:
    """Return whether the last name is a member of an enumeration, found in another class than the enumeration."""
    held = found = use.root
    for name in use.names[1:]:
        if not hasattr(found, name):
            return False
        held, found = found, getattr(found, name)
    kind = type(found)
    if kind in (bool, int) or not isinstance(found, (int, enum.Enum)):
        return False
    return held is not kind


def _sources() -> Iterator[Use]:
    for file in PLUGIN.rglob("*.py"):
        yield from uses(file.read_text(encoding="utf-8"), str(file.relative_to(PLUGIN)))


@pytest.mark.parametrize(
    ("source", "unscoped"),
    [
        ("from qgis.PyQt.QtCore import Qt\nQt.AlignLeft", True),
        ("from qgis.PyQt.QtCore import Qt\nQt.AlignmentFlag.AlignLeft", False),
        ("from qgis.PyQt.QtCore import Qt\nkinds = Qt\nmore = kinds\nmore.UserRole", True),
        ("from qgis.PyQt.QtWidgets import QDialogButtonBox\nb = QDialogButtonBox.StandardButton\nb.Ok", False),
        ("from qgis.core import QgsTask\nQgsTask.CanCancel", True),
        ("from qgis.core import QgsTask\nQgsTask.Flag.CanCancel", False),
        ("from qgis.core import Qgis\nQgis.Warning", True),
        ("from qgis.core import Qgis\nQgis.MessageLevel.Warning\nQgis.QGIS_VERSION_INT", False),
        ("from qgis.core import QgsWkbTypes\nQgsWkbTypes.PolygonGeometry", True),
    ],
)
def test_unscoped_names_are_told_from_scoped_ones(source: str, unscoped: bool) -> None:
    assert any(map(is_unscoped, uses(source, "here"))) is unscoped


def test_enumerations_are_scoped() -> None:
    found = list(_sources())
    assert len(found) > 300
    assert [f"{use.place} {'.'.join(use.names)}" for use in found if is_unscoped(use)] == []


def test_no_name_is_used_that_qt_6_has_not() -> None:
    found = []
    for file in PLUGIN.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            name = getattr(node, "attr", "") or getattr(node, "id", "")
            if name in REMOVED or (isinstance(node, ast.ImportFrom) and (node.module or "").startswith("PyQt")):
                found.append(f"{file.name}:{node.lineno} {name}")
    assert found == []


@pytest.mark.long
def test_modules_load_with_pyqt6() -> None:
    """All modules, with QGIS's classes stubbed as far as they are not of Qt; what QGIS 4 itself lacks is not seen."""
    python = ["/usr/bin/python3", "-X", "utf8"]
    if subprocess.run([*python, "-c", "import PyQt6.QtWidgets"], capture_output=True).returncode:
        pytest.skip("PyQt6 is not installed: run 'make test-all', or install python3-pyqt6")
    modules = [
        ".".join(file.relative_to(PLUGIN.parent).with_suffix("").parts).replace(".__init__", "")
        for file in sorted(PLUGIN.rglob("*.py"))
    ]
    chains = {f"{use.module[len('qgis.PyQt.') :]}.{'.'.join(use.names)}" for use in _sources() if _is_qts(use)}
    asked = {
        "path": [str(PLUGIN.parent), str(ROOT)],
        "modules": modules,
        "bases": _qt_bases(),
        "chains": sorted(chains),
        "attributes": sorted(_attributes() & _qt_5_names() - _other_names()),
    }
    told = subprocess.run(
        [*python, str(Path(__file__).with_name("qt6.py"))],
        input=json.dumps(asked), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    report = json.loads(told.stdout)
    assert report["version"].startswith("6.")
    assert (report["failed"], report["lacking"], report["removed"]) == ({}, OLD, [])
    assert report["imported"] == sorted(modules) and len(modules) > 70 and len(chains) > 100


def _is_qts(use: Use) -> bool:
    return use.module.startswith("qgis.PyQt.")


def _qt_bases() -> Dict[str, str]:
    """Return the class of Qt that a class of QGIS is derived from, such as ``QtWidgets.QDockWidget``."""
    found = {}
    for module in (qgis.core, qgis.gui):
        for name, made in vars(module).items():
            for base in inspect.getmro(made) if inspect.isclass(made) else ():
                library, _, part = base.__module__.partition(".")
                if library in ("PyQt5", "PyQt6") and part in QT:
                    found[name] = f"{part}.{base.__name__}"
                    break
    return found


def _attributes() -> Set[str]:
    trees = (ast.parse(file.read_text(encoding="utf-8")) for file in PLUGIN.rglob("*.py"))
    return {node.attr for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


def _qt_5_names() -> Set[str]:
    classes = [made for module in QT.values() for made in vars(module).values() if inspect.isclass(made)]
    return {name for made in classes for name in dir(made)}


def _other_names() -> Set[str]:
    """Return the names that also classes of QGIS, the plugin itself, its core and Python have."""
    found = {name for made in (str, list, dict, set, Path, sys, ogr) for name in dir(made)}
    for module in (qgis.core, qgis.gui):
        for made in vars(module).values():
            if inspect.isclass(made):
                found |= set(vars(made))  # not what it inherits of Qt
    for folder in (PLUGIN, ROOT / "planet_vector"):
        for file in folder.rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                    found.add(node.name)
                elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                    found.add(node.attr)
                elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                    found.add(node.target.id)
    return found
