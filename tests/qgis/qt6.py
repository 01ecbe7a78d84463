"""Import all modules of the plugin with PyQt6 and stubs of QGIS's classes; run by test_qt6.py in a process of its own.

Reads what to do as JSON from stdin, and writes to stdout what PyQt6 lacks.
"""

import importlib
import json
import sys
import traceback
from types import ModuleType

from PyQt6 import QtCore, QtGui, QtNetwork, QtWidgets, sip

QT = {"QtCore": QtCore, "QtGui": QtGui, "QtNetwork": QtNetwork, "QtWidgets": QtWidgets, "sip": sip}
MOVED = ("QAction", "QActionGroup", "QShortcut")  # QGIS has them where Qt 5 had them, too


def stub(name, base=object):
    """Return a class that has any attribute: enumerations and their members are such classes, too."""
    kind = type(base)

    def missing(cls, attribute):
        if attribute.startswith("_"):
            raise AttributeError(attribute)
        made = stub(attribute)
        setattr(cls, attribute, made)
        return made

    meta = type("Meta", (kind,), {"__getattr__": missing, "__or__": lambda one, other: one})
    return meta(name, (base,), {"__init__": lambda self, *given, **named: None} if base is object else {})


class Stubs(ModuleType):
    """Module of QGIS that has any class, derived from the class of Qt that QGIS derives it from."""

    bases = {}

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        module, _, base = self.bases.get(name, "").partition(".")
        made = stub(name, getattr(sys.modules[f"qgis.PyQt.{module}"], base) if base else object)
        setattr(self, name, made)
        return made


def install(bases):
    """Put modules with QGIS's names where Python finds them."""
    Stubs.bases = bases
    for name in ("qgis", "qgis.core", "qgis.gui", "qgis.utils", "processing"):
        sys.modules[name] = Stubs(name)
    sys.modules["qgis"].__path__ = []
    pyqt = ModuleType("qgis.PyQt")
    pyqt.__path__ = []
    sys.modules["qgis.PyQt"] = pyqt
    for name, module in QT.items():
        made = ModuleType(f"qgis.PyQt.{name}")
        made.__dict__.update({key: value for key, value in vars(module).items() if not key.startswith("__")})
        sys.modules[made.__name__] = made
        setattr(pyqt, name, made)
    for name in MOVED:
        setattr(sys.modules["qgis.PyQt.QtWidgets"], name, getattr(QtGui, name))


def lacks(chain):
    """Return whether PyQt6 lacks a name such as ``QtCore.Qt.AlignLeft``."""
    found = sys.modules["qgis.PyQt"]
    for name in chain.split("."):
        if not hasattr(found, name):
            return True
        found = getattr(found, name)
    return False


def names():
    """Return all names of PyQt6's classes and their enumerations."""
    found = set()
    for module in QT.values():
        for made in vars(module).values():
            found |= set(dir(made))
            for inner in vars(made).values() if isinstance(made, type) else ():
                found |= set(dir(inner)) if isinstance(inner, type) else set()
                found |= set(getattr(inner, "__members__", ()))  # `dir` leaves out combined flags
    return found


def main():
    asked = json.load(sys.stdin)
    install(asked["bases"])
    sys.path[:0] = asked["path"]
    failed = {}
    for name in asked["modules"]:
        try:
            importlib.import_module(name)
        except Exception:
            failed[name] = traceback.format_exc(limit=-2)
    known = names()
    report = {
        "version": QtCore.QT_VERSION_STR,
        "failed": failed,
        "imported": sorted(set(asked["modules"]) - set(failed)),
        "lacking": [chain for chain in asked["chains"] if lacks(chain)],
        "removed": [name for name in asked["attributes"] if name not in known],
    }
    json.dump(report, sys.stdout)


if __name__ == "__main__":
    main()
