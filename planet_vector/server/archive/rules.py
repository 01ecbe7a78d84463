"""Rule file of an archive: what a person states of files that no kind recognises.

``docs/archives.md`` defines it. Patterns are limited, so that none needs more than polynomial time for a path.
"""

from __future__ import annotations

import re
import string
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import AbstractSet, Dict, List, Mapping, Match, Optional, Pattern, Sequence, Tuple

from planet_vector.errors import ArchiveError
from planet_vector.server.archive.fields import file_time
from planet_vector.server.archive.rule_patterns import MOST_REPEATS, has_nested_repeats, repeats_of

RULES_FILE = "planet-vector.yaml"
"""Name of the rule file at the root of an archive."""

LONGEST_PATH = 4096
"""Characters of a path that is compared with patterns."""

_MOST_BYTES = 2**20
_MOST_RULES = 1000
_LONGEST_PATTERN = 1000
_TYPE = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_PRODUCT = re.compile(r"[a-z0-9_]{1,64}")
_ZONE = re.compile(r"([+-])(\d\d):?(\d\d)|Z|UTC")
_ZONED = re.compile(r"(?:\d(?:Z|z)|UTC|:?\d\d(?:\.\d+)?\s*[+-]\d\d:?\d\d)\s*$")
_KEYS = {"match", "id", "type", "product", "by", "time", "bands", "properties", "skip"}
_TIME_KEYS = {"from", "format", "zone", "tag", "sidecar", "key"}


@dataclass(frozen=True)
class TimeSource:
    """One place of the time of acquisition; one of `group`, `tag` and `sidecar` is not empty.

    Attributes
    ----------
    group : str
        A named group of the pattern.
    form : str
        Format of `datetime.datetime.strptime`; empty for any usual form.
    tag : str
        A tag of the raster.
    sidecar : str
        Template of the path of a JSON file, relative to the folder of the raster.
    keys : tuple of str
        Names of nested members of that file.
    offset : datetime.timedelta
        Offset from UTC of times without a zone.
    """

    group: str = ""
    form: str = ""
    tag: str = ""
    sidecar: str = ""
    keys: Tuple[str, ...] = ()
    offset: timedelta = timedelta()

    def parse(self, text: str) -> datetime:
        """Return a time in UTC.

        Parameters
        ----------
        text : str
            The text that was found at this place.

        Raises
        ------
        ValueError
            If it is not a time of this format.
        """
        if self.form:
            moment = datetime.strptime(text, self.form)
            if moment.tzinfo is None:
                moment = (moment - self.offset).replace(tzinfo=timezone.utc)
            return moment.astimezone(timezone.utc)
        return file_time(text) - (timedelta() if _ZONED.search(text) else self.offset)


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes
    ----------
    number : int
        Its place in the file, from 1.
    pattern : re.Pattern
        Pattern of whole paths, relative to the archive, with ``/``.
    skip : bool
        Whether its files are left out; the other attributes are then empty.
    scene_id : str
        Template of the id.
    scene_type : str
        Scene type, item type and collection.
    product : str
        Template of the product; empty if it depends on `by`, or on the pixels.
    by : str
        Group that chooses from `products`.
    products : mapping of str to str
        Products by the text of that group.
    times : sequence of TimeSource
        Places of the time in order of preference.
    bands : mapping of str to sequence of str
        Names of bands by product; those of every product by an empty text.
    properties : mapping of str to object
        Further properties; texts are templates.
    """

    number: int
    pattern: Pattern[str]
    skip: bool = False
    scene_id: str = "{id}"
    scene_type: str = ""
    product: str = ""
    by: str = ""
    products: Mapping[str, str] = field(default_factory=dict)
    times: Sequence[TimeSource] = ()
    bands: Mapping[str, Sequence[str]] = field(default_factory=dict)
    properties: Mapping[str, object] = field(default_factory=dict)

    def id_of(self, match: Match[str]) -> str:
        """Return the id of the scene of a path.

        Parameters
        ----------
        match : re.Match
            Match of the path.
        """
        return filled(self.scene_id, match.groupdict()).replace("/", "~")

    def product_of(self, match: Match[str]) -> str:
        """Return the product of a path; empty if it depends on the pixels.

        Parameters
        ----------
        match : re.Match
            Match of the path.

        Raises
        ------
        ValueError
            If the rule has no product for it.
        """
        if not self.by:
            made = filled(self.product, match.groupdict()).lower()
            if made and not _PRODUCT.fullmatch(made):
                raise ValueError(f"has no valid name of a product by rule {self.number}: {made[:64]!r}")
            return made
        text = match[self.by]
        if text not in self.products:
            raise ValueError(f"has no product by rule {self.number}: it lists none for {str(text)[:64]!r}")
        return self.products[text]


def filled(template: str, groups: Mapping[str, Optional[str]]) -> str:
    """Return a template with the texts of groups, which are empty if they did not take part in the match.

    Parameters
    ----------
    template : str
        Text with names in braces.
    groups : mapping of str to str or None
        Texts by name.
    """
    return template.format_map({name: text or "" for name, text in groups.items()})


def load_rules(file: Path) -> List[Rule]:
    """Read a rule file.

    Parameters
    ----------
    file : Path
        The file.

    Returns
    -------
    list of Rule
        Its rules in order.

    Raises
    ------
    ArchiveError
        If it cannot be read, or a rule is invalid; the message names the rule.
    """
    import yaml

    try:
        with file.open("rb") as opened:
            content = opened.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise ValueError(f"it is longer than {_MOST_BYTES // 2**20} MB")
        text = content.decode("utf-8-sig")
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader)):
            raise ValueError("it contains aliases of YAML, which could expand without bounds")
        document = yaml.safe_load(text)
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ArchiveError(f"The rule file {file} cannot be read ({reason}).") from None
    rules = document.get("rules") if isinstance(document, dict) else None
    if not isinstance(rules, list) or set(document) != {"rules"}:
        raise ArchiveError(f"The rule file {file} must contain a list `rules`, and nothing else.")
    if len(rules) > _MOST_RULES:
        raise ArchiveError(f"The rule file {file} has {len(rules)} rules, more than {_MOST_RULES}.")
    found = []
    for number, said in enumerate(rules, 1):
        try:
            found.append(_rule(number, said))
        except (ValueError, KeyError, IndexError) as error:
            raise ArchiveError(f"The rule file {file}: rule {number} {error}.") from None
    return found


def _rule(number: int, said: object) -> Rule:
    if not isinstance(said, dict):
        raise ValueError("is not a mapping")
    unknown = sorted(str(key) for key in set(said) - _KEYS)
    if unknown:
        raise ValueError(f"has an unknown key {unknown[0]!r}; it takes {', '.join(sorted(_KEYS))}")
    pattern = _pattern(said.get("match"))
    skip = said.get("skip", False)
    if not isinstance(skip, bool):
        raise ValueError("has a value of `skip` that is neither true nor false")
    if skip:
        if set(said) - {"match", "skip"}:
            raise ValueError("skips its files, so it takes nothing besides `match`")
        return Rule(number, pattern, True)
    groups = set(pattern.groupindex)
    scene_type = said.get("type")
    if not isinstance(scene_type, str) or not _TYPE.fullmatch(scene_type):
        raise ValueError("needs a `type` of at most 32 lower-case letters, digits, - and _, that begins with a letter")
    scene_id = _template(said.get("id", "{id}"), "id", groups)
    if not scene_id:
        raise ValueError("has an empty `id`")
    product, by, products = _products(said, groups)
    times = said.get("time", [])
    sources = [_time_source(entry, groups) for entry in (times if isinstance(times, list) else [times])]
    properties = said.get("properties", {})
    if not isinstance(properties, dict) or not all(isinstance(key, str) for key in properties):
        raise ValueError("has `properties` that are not a mapping of names to values")
    for key, value in properties.items():
        if isinstance(value, str):
            _template(value, f"properties.{key}", groups)
        elif value is not None and not isinstance(value, (int, float, bool)):
            raise ValueError(f"has a value of `properties.{key}` that is not a text, a number, true or false")
    return Rule(
        number,
        pattern,
        False,
        scene_id,
        scene_type,
        product,
        by,
        products,
        sources,
        _bands(said.get("bands")),
        properties,
    )


def _pattern(said: object) -> Pattern[str]:
    if not isinstance(said, str) or not said:
        raise ValueError("needs `match`, a regular expression of paths")
    if len(said) > _LONGEST_PATTERN:
        raise ValueError(f"has a pattern of more than {_LONGEST_PATTERN} characters")
    try:
        pattern = re.compile(said)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"has an unreadable pattern ({error})") from None
    if has_nested_repeats(said):
        raise ValueError(
            "has a pattern that repeats a group which contains a repetition or alternatives, such as (a+)* or (a|b)*:"
            " matching it could take very long"
        )
    if repeats_of(said) > MOST_REPEATS:
        raise ValueError(f"has a pattern with {repeats_of(said)} repetitions, more than {MOST_REPEATS}")
    return pattern


def _template(said: object, name: str, groups: AbstractSet[str]) -> str:
    if not isinstance(said, str):
        raise ValueError(f"has a value of `{name}` that is not a text")
    try:
        parts = list(string.Formatter().parse(said))
    except ValueError as error:
        raise ValueError(f"has an unreadable template in `{name}` ({error})") from None
    for _, group, form, conversion in parts:
        if group is not None and (form or conversion or group not in groups):
            raise ValueError(f"needs a group (?P<{group}>…) in its pattern for `{name}`")
    return said


def _products(said: Mapping[str, object], groups: AbstractSet[str]) -> Tuple[str, str, Dict[str, str]]:
    product, by = said.get("product", ""), said.get("by", "")
    if not isinstance(product, dict):
        if by:
            raise ValueError("has `by`, but no mapping as its `product`")
        template = _template(product, "product", groups)
        if template and "{" not in template and not _PRODUCT.fullmatch(template):
            raise ValueError(f"has a product {template!r} that is not of letters a-z, digits and _")
        return template, "", {}
    if not isinstance(by, str) or by not in groups:
        raise ValueError(f"needs `by`, the group that chooses the product; its pattern has {sorted(groups) or 'none'}")
    products = {str(key): value for key, value in product.items()}
    for value in products.values():
        if not isinstance(value, str) or not _PRODUCT.fullmatch(value):
            raise ValueError(f"has a product {value!r} that is not of letters a-z, digits and _")
    return "", by, products


def _time_source(said: object, groups: AbstractSet[str]) -> TimeSource:
    if not isinstance(said, dict):
        raise ValueError("has a `time` that is not a mapping, or a list of them")
    unknown = sorted(str(key) for key in set(said) - _TIME_KEYS)
    if unknown:
        raise ValueError(f"has an unknown key {unknown[0]!r} in `time`; it takes {', '.join(sorted(_TIME_KEYS))}")
    values: Dict[str, str] = dict(said)
    for key, value in values.items():
        if not isinstance(value, str) or not value:
            raise ValueError(f"has a value of `time.{key}` that is not a text")
    places = [key for key in ("from", "tag", "sidecar") if key in values]
    if len(places) != 1:
        raise ValueError("needs one of `from`, `tag` and `sidecar` in each `time`")
    if "from" in values and values["from"] not in groups:
        raise ValueError(f"needs a group (?P<{values['from']}>…) in its pattern for `time.from`")
    if ("sidecar" in values) != ("key" in values):
        raise ValueError("needs `sidecar` and `key` together in `time`")
    sidecar = _template(values.get("sidecar", ""), "time.sidecar", groups)
    return TimeSource(
        values.get("from", ""),
        values.get("format", ""),
        values.get("tag", ""),
        sidecar,
        tuple(values["key"].split(".")) if "key" in values else (),
        _offset(values.get("zone", "")),
    )


def _offset(text: str) -> timedelta:
    if not text:
        return timedelta()
    match = _ZONE.fullmatch(text)
    if not match or (match[2] and (int(match[2]) > 14 or int(match[3]) > 59)):
        raise ValueError(f"has a `zone` {text!r} that is not an offset such as '+02:00'")
    if not match[1]:
        return timedelta()
    offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
    return -offset if match[1] == "-" else offset


def _bands(said: object) -> Dict[str, List[str]]:
    if said is None:
        return {}
    given: Dict[object, object] = said if isinstance(said, dict) else {"": said}
    found: Dict[str, List[str]] = {}
    for product, names in given.items():
        is_list = isinstance(names, list) and all(isinstance(name, str) and name for name in names)
        if not isinstance(product, str) or not isinstance(names, list) or not is_list:
            raise ValueError("has `bands` that are neither a list of names, nor lists by product")
        found[product] = names
    return found
