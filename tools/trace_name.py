"""Trace a PLANET: name through the package, from the caller to the first request.

    python tools/trace_name.py [--layers PYPROJECT] [--calls]

Traces two names against a local service: a search, passed to the GDAL driver as GDAL does, and a product, passed to
`planet_vector.open`. It counts:

stack
    Files on the call stack when the request is sent, outermost first: those that pass the name on. The stack of a
    function run in a thread continues with its caller's. A file listed twice was left and re-entered.
on the way
    Files with a function that receives the name or a value derived from it: a text or an object that contains the
    collection. Those not on the stack read it and return.
entered
    Files with any function that runs before the request; code run on import is left out.
climbs
    Calls from a file into a higher layer (``pyproject.toml``, ``tool.importlinter``); returns do not count.
handed down
    Such calls if the lower layer was given the function to call, by a decorator or for a thread.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Any, Callable, Dict, List, Mapping, Optional, Set, Tuple

import tomllib

import planet_vector

ROOT = Path(__file__).resolve().parent.parent
PACKAGE, DRIVER = "planet_vector", "gdal_PLANET"
FACES = 99  # rank of modules above the package
_DEPTH = 3  # depth of nested objects searched for the name
_SKIPPED = ("<module>", "<lambda>", "<genexpr>", "<listcomp>", "<dictcomp>", "<setcomp>")

Call = Tuple[str, str]
"""A file and one of its functions."""


class Layers:
    """Layers of ``tool.importlinter``, ranked from the lowest.

    Parameters
    ----------
    pyproject : Path
        The file that defines them.
    """

    def __init__(self, pyproject: Path) -> None:
        contracts = tomllib.loads(pyproject.read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
        [layers] = [contract["layers"] for contract in contracts if contract.get("containers") == [PACKAGE]]
        self._ranks = {
            name: rank for rank, layer in enumerate(reversed(layers)) for name in re.split(r"\s*[|:]\s*", layer)
        }

    def rank(self, module: str) -> int:
        """Return the rank of a module; higher layers have higher ranks.

        Parameters
        ----------
        module : str
            Full name of the module.
        """
        parts = module.split(".")[1:]
        while parts:
            if ".".join(parts) in self._ranks:
                return self._ranks[".".join(parts)]
            parts.pop()
        return FACES


class Trace:
    """Records the calls within the package until a socket is connected.

    Parameters
    ----------
    layers : Layers
        Ranks of the modules, to find calls that climb.
    marker : str
        A text that values derived from the name contain.
    """

    def __init__(self, layers: Layers, marker: str) -> None:
        self.entered: Dict[str, None] = {}
        self.on_the_way: Dict[str, None] = {}
        self.climbs: Dict[Tuple[Call, Call], None] = {}
        self.handed_down: Dict[Tuple[Call, Call], None] = {}
        self.calls: List[Tuple[Call, Call]] = []
        self._layers = layers
        self._marker = marker
        self.stack: List[str] = []
        self._handed: Dict[CodeType, List[str]] = {}  # by code of a function for a thread: stack of the caller
        self._on = False

    def run(self, function: Callable[[], object]) -> None:
        """Call a function, and trace it and the threads it starts until the first request.

        Parameters
        ----------
        function : callable
            The function.
        """
        self._on = True
        threading.setprofile(self._event)
        sys.setprofile(self._event)
        try:
            function()
        finally:
            sys.setprofile(None)
            threading.setprofile(None)

    def _event(self, frame: FrameType, event: str, argument: Any) -> None:
        if not self._on:
            return
        if event == "c_call" and getattr(argument, "__qualname__", "") in ("socket.connect", "socket.connect_ex"):
            self._on = False
            self.stack = self._stack(frame)
            return
        module = _module(frame)
        if event != "call" or module is None or frame.f_code.co_name in _SKIPPED or _imports(frame):
            return
        self.entered[module] = None
        if any(_holds(value, self._marker) for value in frame.f_locals.values()):
            self.on_the_way[module] = None
        if module.endswith(".workers"):
            for code in _functions(frame.f_locals.values()):
                self._handed.setdefault(code, self._stack(frame.f_back))
        caller = frame.f_back
        while caller is not None and _module(caller) is None:
            caller = caller.f_back
        above = "" if caller is None else str(_module(caller))
        if caller is None or above == module:
            return
        pair = (above, caller.f_code.co_name), (module, frame.f_code.co_name)
        self.calls.append(pair)
        if self._layers.rank(module) > self._layers.rank(above):
            given = _functions(caller.f_locals.values()) | set(self._handed)
            (self.handed_down if frame.f_code in given else self.climbs)[pair] = None

    def _stack(self, frame: Optional[FrameType]) -> List[str]:
        """Return the files on the call stack, outermost first; consecutive calls within a file count once."""
        found: List[str] = []
        while frame is not None:
            module = _module(frame)
            if module is not None and found[-1:] != [module]:
                found.append(module)
            if frame.f_code in self._handed and str(threading.current_thread().name) != "MainThread":
                return _joined(self._handed[frame.f_code], found[::-1])
            frame = frame.f_back
        return found[::-1]


def _joined(above: List[str], below: List[str]) -> List[str]:
    return above + (below[1:] if above[-1:] == below[:1] else below)


def _module(frame: FrameType) -> Optional[str]:
    name = str(frame.f_globals.get("__name__"))
    return name if name.partition(".")[0] in (PACKAGE, DRIVER) else None


def _imports(frame: Optional[FrameType]) -> bool:
    """Return True if a call is part of an import."""
    while frame is not None:
        if frame.f_code.co_name == "<module>" and _module(frame) is not None:
            return True
        frame = frame.f_back
    return False


def _holds(value: Any, marker: str, depth: int = _DEPTH) -> bool:
    """Return True if a value is or contains a text with the marker."""
    if isinstance(value, (str, bytes)):
        return marker in (value if isinstance(value, str) else value.decode("latin-1"))
    if not depth:
        return False
    if isinstance(value, Mapping):
        return any(_holds(held, marker, depth - 1) for held in value.values())
    if isinstance(value, (list, tuple)):
        return any(_holds(held, marker, depth - 1) for held in value)
    if type(value).__module__.partition(".")[0] in (PACKAGE, DRIVER):
        slots = [getattr(value, name, None) for name in getattr(type(value), "__slots__", ())]
        return any(_holds(held, marker, depth - 1) for held in [*getattr(value, "__dict__", {}).values(), *slots])
    return False


def _functions(values: Any) -> Set[CodeType]:
    """Return the code of the functions and methods among values, including those that decorators wrap."""
    found: Set[CodeType] = set()
    for value in values:
        while value is not None:
            code = getattr(getattr(value, "__func__", value), "__code__", None)
            found.update([code] if isinstance(code, CodeType) else [])
            value = None if isinstance(value, ModuleType) else getattr(value, "__wrapped__", None)
    return found


# ---- the two names -------------------------------------------------------------------------------------------


def open_layer(name: str) -> None:
    """Open a name with the driver, as GDAL does.

    Parameters
    ----------
    name : str
        The ``PLANET:`` name of a search.
    """
    file = Path(planet_vector.__file__).parents[1] / "plugins" / f"{DRIVER}.py"
    spec = importlib.util.spec_from_file_location(DRIVER, file)
    assert spec is not None and spec.loader is not None
    module = sys.modules[DRIVER] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.Driver().open(name, b"", module.VECTOR)


def open_raster(name: str) -> None:
    """Open a product with `planet_vector.open`.

    Parameters
    ----------
    name : str
        The ``PLANET:`` name of the product.
    """
    try:
        planet_vector.open(name)
    except planet_vector.NotFoundError:
        pass  # the first request shows that the service has no such scene


WAYS: Mapping[str, Tuple[Callable[[str], None], str]] = {
    "layer": (open_layer, "PLANET:ortho?cloud_cover.estimated.lte=5"),
    "raster": (open_raster, "PLANET:ortho/20150306_022415_0908/visual"),
}


def follow(way: str, layers: Layers) -> Trace:
    """Trace the opening of a name.

    Parameters
    ----------
    way : str
        A key of `WAYS`.
    layers : Layers
        Ranks of the modules.

    Returns
    -------
    Trace
        The calls.
    """
    open_it, name = WAYS[way]
    trace = Trace(layers, "ortho")
    trace.run(lambda: open_it(name))
    return trace


def report(way: str, trace: Trace, calls: bool) -> None:
    """Print a trace.

    Parameters
    ----------
    way : str
        A key of `WAYS`.
    trace : Trace
        The calls.
    calls : bool
        Whether to print each call.
    """
    _, name = WAYS[way]
    print(f"{way}: {name}")
    stack = [module.replace(f"{PACKAGE}.", "") for module in trace.stack]
    print(f"  {len(set(stack))} files on the stack: {' > '.join(stack)}")
    print(f"  {len(trace.on_the_way)} files on the way (*), {len(trace.entered)} entered:")
    for module in trace.entered:
        print(f"    {'*' if module in trace.on_the_way else ' '} {module}")
    for title, pairs in (("climbs", trace.climbs), ("handed down", trace.handed_down)):
        print(f"  {len(pairs)} {title}")
        for (above, caller), (module, function) in pairs:
            print(f"      {above}.{caller} -> {module}.{function}")
    for (above, caller), (module, function) in trace.calls if calls else ():
        print(f"    . {above}.{caller} -> {module}.{function}")


def main() -> int:
    """Start a service, trace the names, and print the results.

    Returns
    -------
    int
        The exit code.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", type=Path, default=ROOT / "pyproject.toml", help="file that defines the layers")
    parser.add_argument("--calls", action="store_true", help="print each call between files")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    layers = Layers(given.layers)
    if given.way:  # each name in its own process
        report(given.way, follow(given.way, layers), given.calls)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        program = [sys.executable, "-m", "planet_vector.cli"]
        subprocess.run([*program, "sample", "--index-only", "50", folder], check=True, stdout=subprocess.DEVNULL)
        service = subprocess.Popen(
            [*program, "serve", folder, "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        try:
            assert service.stdout is not None
            url = next(found.group() for line in service.stdout if (found := re.search(r"http://[\w.:]+/v0/", line)))
            threading.Thread(target=service.stdout.read, daemon=True).start()
            more = ["--layers", str(given.layers), *(["--calls"] if given.calls else [])]
            for way in WAYS:
                command = [sys.executable, __file__, "--way", way, *more]
                subprocess.run(command, check=True, env={**os.environ, "PL_API_URL": url})
        finally:
            service.terminate()
            service.wait(10)
    return 0


if __name__ == "__main__":
    sys.exit(main())
