"""Parser of CQL2 text (OGC 21-065r2, annex B) to CQL2 JSON.

It covers what `planet_vector.server.api.stac.cql2_json` reads: no arithmetic, no functions other than spatial and
temporal ones.
"""

from __future__ import annotations

import re
from typing import Callable, Dict, NamedTuple

from planet_vector.server.http_errors import HttpError
from planet_vector.server.strict_json import read_json

MAX_DEPTH = 50
"""Maximum depth of conditions within conditions."""

Json = object

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<text>'(?:[^']|'')*')
    |"(?P<quoted>[^"]+)"
    |(?P<name>[^\W\d][\w.:]*|:[\w.:]+)
    |(?P<sign><>|<=|>=|[=<>(),])
    )""",
    re.VERBOSE,
)
_SHAPES = frozenset("POINT LINESTRING POLYGON MULTIPOINT MULTILINESTRING MULTIPOLYGON GEOMETRYCOLLECTION".split())
_KEYWORDS = frozenset("AND OR NOT IN LIKE BETWEEN IS NULL TRUE FALSE".split())
_SHAPE_START = re.compile(r"\s*(" + "|".join(sorted(_SHAPES)) + r")\s*(?:Z\s*)?\(", re.IGNORECASE)


class _Token(NamedTuple):
    kind: str  # of the groups above, or "end"
    text: str
    place: int

    @property
    def word(self) -> str:
        """The keyword or name of a function, in upper case."""
        return self.text.upper() if self.kind in ("name", "sign") else ""


def unsupported(name: str) -> HttpError:
    """Return the error for a part of CQL2 that filters do not have.

    Parameters
    ----------
    name : str
        An operator or a function.
    """
    return HttpError(
        400,
        f"filter: {name[:40]!r} is not supported: there is no arithmetic, CASEI or ACCENTI, no arrays, no functions.",
    )


def parse_text(text: str) -> Json:
    """Return CQL2 text as CQL2 JSON.

    Parameters
    ----------
    text : str
        The filter.

    Raises
    ------
    HttpError
        400, if it is not CQL2 text, is nested too deeply, or uses what is not supported.
    """
    parser = _Parser(text)
    found = parser.expression(MAX_DEPTH)
    if parser.token.kind != "end":
        raise parser.unexpected("the end")
    return found


class _Parser:
    """Recursive descent over the tokens of a text, one of which is current."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.token = _Token("", "", 0)
        self._end = 0
        self._next()

    def unexpected(self, wanted: str) -> HttpError:
        """Return an error at the current token."""
        rest = self._text[self.token.place :].strip()
        shown = repr(rest if len(rest) <= 30 else rest[:27] + "...") if rest else "its end"
        return HttpError(400, f"filter: {wanted} is expected at {shown} (character {self.token.place + 1}).")

    def expression(self, depth: int) -> Json:
        """Parse conditions joined by OR."""
        if depth == 0:
            raise HttpError(400, f"filter: conditions are nested more than {MAX_DEPTH} deep.")
        return self._joined("or", lambda: self._joined("and", lambda: self._factor(depth)))

    def _joined(self, name: str, parse: Callable[[], Json]) -> Json:
        found = [parse()]
        while self._take(name.upper()):
            found.append(parse())
        return found[0] if len(found) == 1 else {"op": name, "args": found}

    def _factor(self, depth: int) -> Json:
        if self._take("NOT"):
            if depth == 1:
                raise HttpError(400, f"filter: conditions are nested more than {MAX_DEPTH} deep.")
            return {"op": "not", "args": [self._factor(depth - 1)]}
        if self._take("("):
            found = self.expression(depth - 1)
            self._must(")")
            return found
        word = self.token.word
        if word[:2] in ("S_", "T_") and self._text[self._end :].lstrip().startswith("("):
            return self._function(word)
        left = self._operand()
        if isinstance(left, bool) and (self.token.kind == "end" or self.token.word in ("AND", "OR", ")")):
            return left
        return self._predicate(left)

    def _function(self, word: str) -> Json:
        self._next()
        self._must("(")
        arguments = [self._operand()]
        self._must(",")
        arguments.append(self._operand())
        self._must(")")
        return {"op": _FUNCTIONS.get(word, word.lower()), "args": arguments}

    def _predicate(self, left: Json) -> Json:
        sign = self.token.word
        if self.token.kind == "sign" and sign in ("=", "<>", "<", "<=", ">", ">="):
            self._next()
            return {"op": sign, "args": [left, self._operand()]}
        if self._take("IS"):
            negated = self._take("NOT")
            self._must("NULL")
            return _maybe_not({"op": "isNull", "args": [left]}, negated)
        negated = self._take("NOT")
        if self._take("BETWEEN"):
            low = self._operand()
            self._must("AND")
            return _maybe_not({"op": "between", "args": [left, low, self._operand()]}, negated)
        if self._take("LIKE"):
            return _maybe_not({"op": "like", "args": [left, self._operand()]}, negated)
        if self._take("IN"):
            self._must("(")
            values = [self._operand()]
            while self._take(","):
                values.append(self._operand())
            self._must(")")
            return _maybe_not({"op": "in", "args": [left, values]}, negated)
        raise self.unexpected("a comparison")

    def _operand(self) -> Json:
        token = self.token
        shape = _SHAPE_START.match(self._text, token.place)
        if token.kind == "name" and shape:
            return self._shape(token.place)
        if token.kind == "name" and token.word in ("DATE", "TIMESTAMP", "INTERVAL", "BBOX"):
            return self._literal(token.word)
        if token.kind == "end" or token.kind == "sign" or (token.kind == "name" and token.word in _KEYWORDS):
            if token.word in ("TRUE", "FALSE"):
                self._next()
                return token.word == "TRUE"
            raise self.unexpected("a property or a value")
        self._next()
        if token.kind == "name" and self.token.text == "(":
            raise unsupported(token.text)
        if token.kind == "number":
            return read_json(_json_number(token.text), "filter")
        if token.kind == "text":
            return token.text[1:-1].replace("''", "'")
        return {"property": token.text}

    def _literal(self, word: str) -> Json:
        self._next()
        self._must("(")
        values = [self._operand()]
        while self._take(","):
            values.append(self._operand())
        self._must(")")
        if word == "BBOX":
            return {"bbox": values}
        return {word.lower(): values if word == "INTERVAL" else values[0] if len(values) == 1 else None}

    def _shape(self, start: int) -> Json:
        depth = 0
        for place in range(start, len(self._text)):
            letter = self._text[place]
            depth += (letter == "(") - (letter == ")")
            if letter == ")" and depth == 0:
                self._end = place + 1
                wkt = self._text[start : self._end]
                self._next()
                return {"wkt": wkt}
        raise HttpError(400, "filter: a geometry is not closed.")

    def _take(self, word: str) -> bool:
        """Skip the current token if it is a keyword or a sign."""
        if self.token.word != word:
            return False
        self._next()
        return True

    def _must(self, word: str) -> None:
        if not self._take(word):
            raise self.unexpected(f"{word!r}")

    def _next(self) -> None:
        match = _TOKEN.match(self._text, self._end)
        if match is None:
            rest = self._text[self._end :]
            self.token = _Token("end", "", self._end)
            if re.match(r"\s*(?:[*/%^+-]|div\b)", rest):
                raise unsupported(rest.strip()[0])
            if rest.strip():
                raise self.unexpected("a property, a value or a sign")
            return
        kind = str(match.lastgroup)
        self._end = match.end()
        self.token = _Token(kind, match[kind], match.start(kind) - (kind == "quoted"))


_FUNCTIONS: Dict[str, str] = {
    f"T_{name.upper()}": f"t_{name}" for name in ("finishedBy", "metBy", "overlappedBy", "startedBy")
}


def _maybe_not(condition: Json, negated: bool) -> Json:
    return {"op": "not", "args": [condition]} if negated else condition


def _json_number(text: str) -> str:
    """Return a number as JSON writes it."""
    sign = "-" if text.startswith("-") else ""
    digits = text.lstrip("+-")
    mantissa, mark, exponent = digits.lower().partition("e")
    whole, point, fraction = mantissa.partition(".")
    whole = whole.lstrip("0") or "0"
    return f"{sign}{whole}{'.' + (fraction or '0') if point else ''}{mark}{exponent}"
