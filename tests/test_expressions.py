"""Arithmetic on bands, compared with Python's own in exact fractions and in float32."""

from __future__ import annotations

import ast
import pickle
import subprocess
import sys
from fractions import Fraction
from typing import Dict, Tuple

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planet_vector.bands import COMMON_NAMES
from planet_vector.bands.expressions import DEEPEST, INDICES, MOST_CHARACTERS, parse_expression
from planet_vector.errors import ExpressionError

_BANDS = ("red", "nir08", "B04", "band_3", "_x", "e1", "lambda")  # e1: no exponent; lambda: a keyword of Python


def _operand() -> st.SearchStrategy[str]:
    numbers = st.one_of(st.integers(0, 30).map(str), st.sampled_from(["0.5", ".25", "3.", "1e2", "2.5e-1", "1E+1"]))
    return st.one_of(numbers, st.sampled_from(_BANDS))


def _combined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    spaces = st.sampled_from(["", " ", "\t\n"])
    return st.one_of(
        st.tuples(inner, spaces, st.sampled_from("+-*/"), spaces, inner).map("".join),
        st.tuples(inner, st.sampled_from(["**2", " ** 3", "**-1", "**2**1"])).map("".join),
        inner.map("({})".format),
        inner.map("-{}".format),
    )


_expressions = st.recursive(_operand(), _combined, max_leaves=8)
_pixels = st.fixed_dictionaries({band: st.integers(-40, 200) for band in _BANDS})


def _exact(text: str, pixels: Dict[str, int]) -> Fraction:
    """Return what Python computes in fractions; bands that are keywords are renamed first."""
    tree = ast.parse("".join(text.split()).replace("lambda", "lambda_"), mode="eval")
    names = {band.replace("lambda", "lambda_"): Fraction(value) for band, value in pixels.items()}

    class Exact(ast.NodeTransformer):
        def visit_Constant(self, node: ast.Constant) -> ast.AST:
            return ast.Call(ast.Name("Fraction", ast.Load()), [ast.Constant(str(node.value))], [])

    return eval(compile(ast.fix_missing_locations(Exact().visit(tree)), "", "eval"), {"Fraction": Fraction, **names})


@settings(max_examples=300, deadline=None)
@given(text=_expressions, pixels=_pixels)
def test_values_are_those_of_python(text: str, pixels: Dict[str, int]) -> None:
    tree = ast.parse("".join(text.split()).replace("lambda", "lambda_"), mode="eval")
    first = sorted((node.col_offset, node.id) for node in ast.walk(tree) if isinstance(node, ast.Name))
    bands = tuple(dict.fromkeys(name.replace("lambda_", "lambda") for _, name in first))
    if not bands:
        with pytest.raises(ExpressionError, match="uses no band"):
            parse_expression(text)
        return
    expression = parse_expression(text)
    assert expression.bands == bands
    value = expression.evaluate({band: numpy.full((1, 2), pixels[band], "int16") for band in _BANDS})
    assert (value.dtype, value.shape) == (numpy.dtype("float32"), (1, 2))
    try:
        exact = _exact(text, pixels)
    except ZeroDivisionError:
        assert numpy.isnan(value).all()
        return
    # Float32 may round a divisor to zero: compare where the steps are well conditioned.
    magnitude = _largest_step(text, pixels)
    if magnitude < 1e30:
        assert abs(value[0, 0] - float(exact)) <= 1e-4 * magnitude


def _largest_step(text: str, pixels: Dict[str, int]) -> float:
    """Return a bound of the intermediate values, which bounds the rounding: absolute values, reciprocals included."""
    names = {band.replace("lambda", "lambda_"): float(value) for band, value in pixels.items()}
    tree = ast.parse("".join(text.split()).replace("lambda", "lambda_"), mode="eval")
    largest = 1.0
    for node in ast.walk(tree):
        if isinstance(node, ast.expr):
            try:
                size = abs(float(eval(compile(ast.Expression(node), "", "eval"), dict(names))))
            except (ZeroDivisionError, OverflowError):
                return float("inf")
            if 0 < size < 1e-3:
                return float("inf")  # a divisor that cancellation may have made
            largest = max(largest, size, 1 / size if size else 1.0)
    return largest**2


@pytest.mark.parametrize("kind", ["uint8", "int8", "uint16", "int16", "uint32", "bool"])
def test_integers_do_not_wrap(kind: str) -> None:
    red, nir = numpy.array([0, 1, 1], kind), numpy.array([1, 1, 0], kind)
    if kind != "bool":
        red[2] = nir[0] = numpy.iinfo(kind).max
    value = parse_expression("(nir - red) / (nir + red)").evaluate({"red": red, "nir": nir})
    assert value.tolist() == [1, 0, -1]


def test_a_missing_pixel_is_missing_in_the_result() -> None:
    lacking = numpy.ma.masked_equal(numpy.array([7, 2], "uint8"), 7)
    for text in ("a", "a ** 0", "1 ** a", "0 * a", "b - a", "a / b", "-a", "(a - a) ** 0"):
        for a in (lacking, numpy.array([numpy.nan, 2])):
            value = parse_expression(text).evaluate({"a": a, "b": numpy.array([3, 3], "uint8")})
            assert numpy.isnan(value).tolist() == [True, False], text


@pytest.mark.parametrize("text", ["1 / a", "a / a", "a ** -1", "1 / (1 / a)", "(a - 1) ** 0.5", "(9 + a) ** 99"])
def test_what_is_no_finite_number_is_missing(text: str) -> None:
    assert numpy.isnan(parse_expression(text).evaluate({"a": numpy.zeros(1, "uint16")})).all()


def test_the_result_is_no_view_of_a_band() -> None:
    red = numpy.array([1, numpy.inf], "float32")
    parse_expression("red").evaluate({"red": red})[0] = 5
    assert red.tolist() == [1, numpy.inf]


@pytest.mark.parametrize(
    ("text", "column", "reason"),
    [
        ("", 1, "it is empty"),
        ("  ", 3, "it is empty"),
        ("red +", 6, "nothing follows '+'"),
        ("red nir", 5, "an operator is missing before 'nir'"),
        ("2 red", 3, "an operator is missing before 'red'"),
        ("2red", 2, "an operator is missing before 'red'"),
        ("(red", 5, "the ')' of column 1's '(' is missing"),
        ("red)", 4, "')' is not expected here"),
        ("()", 2, "')' is not expected here"),
        ("red * / nir", 7, "'/' is not expected here"),
        ("+red", 1, "'+' is not expected here"),
        ("red ^ 2", 5, "'^' is no part"),
        ("red // nir", 6, "'/' is not expected here"),
        ("sqrt(red)", 1, "there is no function 'sqrt'"),
        ("__import__('os')", 12, '"\'" is no part'),
        ("red.real", 4, "'.' is no part"),
        ("red[0]", 4, "is no part"),
        ("röt", 2, "'ö' is no part"),
        ("٣ * red", 1, "is no part"),
        ("red * 1e39", 7, "beyond the range of float32"),
        ("red * 1e999", 7, "beyond the range of float32"),
        ("1 + 2", 1, "uses no band"),
        ("red\0", 4, "is no part"),
        ("(" * (DEEPEST + 1) + "red" + ")" * (DEEPEST + 1), DEEPEST + 1, "nested deeper"),
        ("-" * 999 + "a", DEEPEST + 1, "nested deeper"),
        ("a**" * 333 + "a", 3 * DEEPEST + 1, "nested deeper"),
        ("a" * (MOST_CHARACTERS + 1), MOST_CHARACTERS + 1, "the maximum is"),
    ],
)
def test_a_fault_has_its_column(text: str, column: int, reason: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        parse_expression(text)
    assert reason in str(raised.value)
    assert raised.value.column == column
    assert pickle.loads(pickle.dumps(raised.value)).column == column


@given(st.text(alphabet="redB4_01.e+-*/() \n'[:", max_size=60))
def test_any_text_is_parsed_or_a_fault(text: str) -> None:
    try:
        expression = parse_expression(text)
    except ExpressionError as error:
        assert 1 <= error.column <= len(text) + 1
    else:
        expression.evaluate({band: numpy.zeros(2) for band in expression.bands})


def test_long_sums_are_not_deep() -> None:
    expression = parse_expression("+".join(["a"] * 500))
    assert expression.evaluate({"a": numpy.ones(1)}).tolist() == [500]


def test_a_band_that_lacks_is_named_with_its_column() -> None:
    expression = parse_expression("(nir - red) / nir")
    with pytest.raises(ExpressionError, match=r"'red' at column 8; the bands are blue, nir\.") as raised:
        expression.evaluate({"nir": numpy.zeros(1), "blue": numpy.zeros(1)})
    assert raised.value.column == 8
    with pytest.raises(ValueError, match=r"nir \(1,\), red \(2,\)"):
        expression.evaluate({"nir": numpy.zeros(1), "red": numpy.zeros(2)})


# Values for blue 0.04, green 0.08, red 0.05, rededge 0.2, nir 0.4, swir16 0.2, swir22 0.1, computed by hand.
_VALUES: Dict[str, Tuple[float, float]] = {
    "ndvi": (0.35, 0.45),
    "gndvi": (0.32, 0.48),
    "ndre": (0.2, 0.6),
    "evi": (0.875, 1.4),  # 1 + 0.4 + 0.3 - 0.3
    "evi2": (0.875, 1.52),
    "savi": (0.525, 0.95),
    "msavi": (1.8 - (1.8**2 - 8 * 0.35) ** 0.5, 2),
    "ndwi": (-0.32, 0.48),
    "mndwi": (-0.12, 0.28),
    "ndmi": (0.2, 0.6),
    "ndsi": (-0.12, 0.28),
    "ndbi": (-0.2, 0.6),
    "nbr": (0.3, 0.5),
}


@pytest.mark.parametrize("name", INDICES)
def test_an_index_has_its_value(name: str) -> None:
    expression = parse_expression(f" {name.upper()} ")
    assert set(expression.bands) <= COMMON_NAMES
    bands = {"blue": 0.04, "green": 0.08, "red": 0.05, "rededge": 0.2, "nir": 0.4, "swir16": 0.2, "swir22": 0.1}
    numerator, denominator = _VALUES[name]
    value = expression.evaluate({band: numpy.array([each]) for band, each in bands.items()})
    assert value[0] == pytest.approx(numerator / denominator, rel=1e-5)
    # Of reflectance only: another unit changes the value.
    scaled = expression.evaluate({band: numpy.array([each * 10000]) for band, each in bands.items()})
    assert (scaled[0] != pytest.approx(value[0], rel=1e-4)) is INDICES[name].of_reflectance
    assert expression.of_reflectance is INDICES[name].of_reflectance


def test_a_band_named_as_an_index_stands_in_parentheses() -> None:
    assert parse_expression("(ndvi)").bands == ("ndvi",)


def test_parsing_needs_no_numpy() -> None:
    program = "import sys; sys.modules['numpy'] = None; from planet_vector.bands import expressions; "
    program += "assert expressions.parse_expression('a / b').bands == ('a', 'b')"
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize(
    "text", ["1 / a", "2 ** (0 - a)", "a ** -1", "1 / (b * 1e38)", "b / (b ** 30) * b ** 10", "1 / (1 / (b ** -30))"]
)
@pytest.mark.filterwarnings("error")
def test_a_number_beyond_float32_makes_no_number(text: str) -> None:
    arrays = {"a": numpy.array([1e300, -numpy.inf, 2.0]), "b": numpy.array([65535, 10_000, 2], "uint16")}
    values = parse_expression(text).evaluate(arrays)
    assert numpy.isnan(values[:2]).all() and numpy.isfinite(values[2])
