"""Times in UTC: parsed in any of the services' spellings, written in one."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import datetime, timedelta, timezone
from typing import List, NamedTuple, Optional, Sequence, Tuple

from planet_vector.decimals import BLANK

_HOURS, _MINUTES = r"(?:[01]\d|2[0-3])", r"(?::?[0-5]\d)"  # of an offset (RFC 3339, section 5.6)
_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?"
    rf"(?:\s*(Z|z|UTC|[+-]{_HOURS}{_MINUTES}?)| ({_HOURS}{_MINUTES}))?",
    re.ASCII,
)


_BOUNDS = re.compile(r"(?<!\.)\.{2}(?!\.)")
_OPEN = ("", "..")
_PERIOD = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?", re.ASCII)
_MONTH = re.compile(r"\d{4}(?:-\d\d)?", re.ASCII)
_AGE = re.compile(r"(\d{1,6})(min|mo|[mhdwy])", re.ASCII)
_UNITS = {"min": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_MONTHS_OF = {"mo": 1, "y": 12}

_USUAL = "0000-00-00T00:00:00.000000+00:00"
_PUNCTUATION = [(at, char) for at, char in enumerate(_USUAL) if at >= 26 or char != "0"]
# Every third character from the fifth on, by the length of a time: of seconds, milliseconds or microseconds.
_MARKS = {25: "--T::+", 29: "--T::.", 32: "--T::."}
_LONGEST = 100  # characters of two times
_BETWEEN = re.compile(r"/|\.{2,3}|--|[,;\u2013]|\s+(?:to|-|and)\s+|\s+")


INSTANT = timedelta(microseconds=1)
"""The resolution of the service's times."""

FIRST, LAST = (end.replace(tzinfo=timezone.utc) for end in (datetime.min, datetime.max))
"""The first and the last representable time; some services write the last for a missing date."""


class _BeyondTime(ValueError):
    """Raised if the zone of a time moves it beyond `FIRST` or `LAST`."""

    def __init__(self, text: str, nearest: datetime) -> None:
        super().__init__(f"{text!r} is not a time within years 1 to 9999")
        self.nearest = nearest


def parse_time(text: str) -> datetime:
    """Parse a time in any spelling that the service accepted.

    Parameters
    ----------
    text : str
        A date, or a date and time, with optional fraction and zone. Without a zone it is UTC. A ``+`` that became a
        space in an unescaped query string is recognised.

    Returns
    -------
    datetime.datetime
        Aware, in UTC. Digits beyond the microsecond are dropped.

    Raises
    ------
    ValueError
        If the text is not a time.
    """
    # Fast path for the spellings of nearly all times of services. The punctuation is checked because fromisoformat
    # accepts more (any separator, week dates, in some versions 24:00). Before Python 3.11 it does not accept the Z.
    usual = f"{text[:-1]}+00:00" if text.endswith("Z") else text
    if usual.endswith("+00:00") and usual[4:20:3] == _MARKS.get(len(usual)) and usual[11:13] < "24":
        try:
            return datetime.fromisoformat(usual)
        except ValueError:
            pass  # raised again below, with the text
    match = _TIME.fullmatch(text.strip(BLANK))
    # After a date alone, " 0530" could be a time of day and is not parsed as an offset.
    if match is None and two_times(text):
        raise ValueError(f"{text!r} is two times where one is taken: give the first by .gte and the second by .lte")
    if match is None or (match[9] and not match[4]):
        raise ValueError(f"{text!r} is not a time: write it as 2015-03-06T02:24:15Z or 2015-03-06")
    year, month, day, hour, minute, second, fraction, zone, unsigned = match.groups()
    try:
        moment = datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0),
            int((fraction or "").ljust(6, "0")[:6]), tzinfo=timezone.utc,
        )  # fmt: skip
    except ValueError as error:
        raise ValueError(f"{text!r} is not a time: {error}") from None
    zone = zone or unsigned or "Z"
    if zone not in ("Z", "z", "UTC"):
        digits = zone.lstrip("+-").replace(":", "").ljust(4, "0")
        offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        try:
            moment -= -offset if zone.startswith("-") else offset
        except OverflowError:
            raise _BeyondTime(text, LAST if zone.startswith("-") else FIRST) from None
    return moment


class TimeSpan(NamedTuple):
    """Span of time.

    Attributes
    ----------
    low : datetime or None
        The first instant; None if it is open.
    high : datetime or None
        The last instant, or the one after it; None if it is open.
    whole : bool
        Whether `high` is the instant after the last, as that of a day is.
    """

    low: Optional[datetime]
    high: Optional[datetime]
    whole: bool = False


def parse_span(text: str) -> TimeSpan:
    """Parse a span of time, or one time.

    Parameters
    ----------
    text : str
        ``A/B`` or ``A..B``; either end may be empty or ``..``. Each is a time as `parse_time` takes it, or a date, a
        month (``2024-05``) or a year (``2024``), which stand for their whole day, month or year at either end. One of
        them without the other is a span, too.

    Returns
    -------
    TimeSpan
        Aware times, in UTC.

    Raises
    ------
    ValueError
        If it is none of these, or ends before it begins; the message is the end of a sentence.
    """
    text = text.strip(BLANK)
    if is_span(text):
        low, high = _BOUNDS.split(text, maxsplit=1) if "/" not in text else text.split("/", 1)
        first, last = (None if end.strip() in _OPEN else period_of(end) for end in (low, high))
        if first is None and last is None:
            raise ValueError(f"{text!r} has no end: it takes A..B, A.., ..B or one date")
        if first is not None and last is not None and first[0] > last[0]:
            between = "/" if "/" in text else ".."
            told = f"{high.strip()}{between}{low.strip()}"
            raise ValueError(f"{text!r} goes from a later time to an earlier one: write {told}")
        if last is None:
            return TimeSpan(first[0] if first else None, None)
        return TimeSpan(first[0] if first else None, last[1] or last[0], last[1] is not None)
    ends = two_times(text)
    if ends is not None:
        raise ValueError(f"{text!r} is two times: an interval has two dots or a slash, so write '{'..'.join(ends)}'")
    low_of_one, after = period_of(text)
    return TimeSpan(low_of_one, after or low_of_one, after is not None)


def is_span(text: str) -> bool:
    """Return whether a text has two ends, as ``A/B`` and ``A..B`` have.

    Parameters
    ----------
    text : str
        The text.
    """
    return text.count("/") == 1 or ("/" not in text and len(_BOUNDS.findall(text)) == 1)


def is_period(text: str) -> bool:
    """Return whether a text is a month or a year, which `parse_time` does not take.

    Parameters
    ----------
    text : str
        The text.
    """
    return bool(_MONTH.fullmatch(text.strip(BLANK)))


def period_of(text: str) -> Tuple[datetime, Optional[datetime]]:
    """Parse a time, a date, a month or a year.

    Parameters
    ----------
    text : str
        As for an end of `parse_span`.

    Returns
    -------
    (datetime, datetime or None)
        Its first instant, and the instant after its last; None for a time of day.

    Raises
    ------
    ValueError
        If it is none of these, or nothing follows it.
    """
    text = text.strip(BLANK)
    match = _PERIOD.fullmatch(text)
    if match is None:
        return parse_time(text), None
    year, month, day = match.groups()
    try:
        first = parse_time(f"{year}-{month or '01'}-{day or '01'}")
    except ValueError as error:
        raise ValueError(f"{text!r} is not a time: {str(error).rpartition(': ')[2]}") from None
    try:
        if day:
            return first, first + timedelta(days=1)
        return first, _months_later(first, 1 if month else 12)
    except (OverflowError, ValueError):
        raise ValueError(f"{text!r} is the last there is: for an open end, write two dots in its place") from None


def time_before(age: str, now: datetime) -> datetime:
    """Return the time an age before another.

    Parameters
    ----------
    age : str
        A number and a unit: ``min``, ``h``, ``d``, ``w``, ``mo`` for months and ``y`` for years, such as ``3d``.
    now : datetime
        The other time.

    Returns
    -------
    datetime
        Months and years before are of the calendar: on the same day, or the last of a shorter month.

    Raises
    ------
    ValueError
        If it is no age, or lies before all time; the message is the end of a sentence.
    """
    match = _AGE.fullmatch(age.strip())
    if match is None:
        raise ValueError("it takes a number and min, h, d, w, mo or y, such as 3d")
    number, unit = int(match[1]), match[2]
    if unit == "m":
        raise ValueError(f"m may be minutes or months: write {number}min or {number}mo")
    try:
        if unit in _MONTHS_OF:
            return _months_later(now, -number * _MONTHS_OF[unit])
        return now - timedelta(**{_UNITS[unit]: number})
    except (OverflowError, ValueError):
        raise ValueError("that is before all time") from None


def _months_later(moment: datetime, months: int) -> datetime:
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    return moment.replace(year=year, month=month + 1, day=min(moment.day, monthrange(year, month + 1)[1]))


def two_times(text: str) -> Optional[Tuple[str, str]]:
    """Return the ends of an interval in another spelling than ``A..B``, such as STAC's ``A/B``; None if it is none.

    Parameters
    ----------
    text : str
        The interval.

    Returns
    -------
    (str, str) or None
        Both ends; an open end, as in ``A/..``, is empty.
    """
    text = text.strip()
    if len(text) > _LONGEST:
        return None
    for between in _BETWEEN.finditer(text):
        low, high = (
            "" if end == ".." else end for end in (text[: between.start()].strip(), text[between.end() :].strip())
        )
        if (low or high) and all(not end or _TIME.fullmatch(end) for end in (low, high)):
            return low, high
    return None


def nearest_time(text: str) -> datetime:
    """Parse a service's time as `parse_time` does, with the first or last instant for times beyond them.

    ``9999-12-31T23:59:59-05:00`` is in the year 10000 in UTC, which `datetime.datetime` cannot represent. The last
    instant has the same position in an order by time and in any half-open time window.

    Parameters
    ----------
    text : str
        The time.

    Returns
    -------
    datetime.datetime
        Aware, in UTC.

    Raises
    ------
    ValueError
        If the text is not a time.
    """
    try:
        return parse_time(text)
    except _BeyondTime as error:
        return error.nearest


def nearest_times(texts: Sequence[str]) -> List[datetime]:
    """Parse a page of times as `nearest_time` does each, faster if all are in the service's usual form.

    Parameters
    ----------
    texts : sequence of str
        The times.

    Returns
    -------
    list of datetime.datetime
        Aware, in UTC.

    Raises
    ------
    ValueError
        If a text is not a time.
    """
    if all_usual(texts):
        try:
            return list(map(datetime.fromisoformat, texts))
        except ValueError:
            pass  # raised again below, with the text
    return list(map(nearest_time, texts))


def all_usual(texts: Sequence[str]) -> bool:
    """Return whether times have the form ``2015-03-06T02:24:15.531315+00:00``; their digits are not checked.

    Parameters
    ----------
    texts : sequence of str
        The times.
    """
    if set(map(len, texts)) != {len(_USUAL)}:
        return False
    joined = "".join(texts)
    # fromisoformat accepts more: any separator, week dates, in some versions the hour 24.
    return "T24" not in joined and all(joined[at :: len(_USUAL)] == char * len(texts) for at, char in _PUNCTUATION)


def next_instant(moment: datetime) -> Optional[datetime]:
    """Return the time one microsecond later, or None after the last.

    Parameters
    ----------
    moment : datetime
        The time.
    """
    return None if moment >= LAST else moment + INSTANT


def format_time(moment: datetime) -> str:
    """Format a time as the service writes it: ``2015-03-06T02:24:15.531315+00:00``.

    Parameters
    ----------
    moment : datetime
        Without a zone it is UTC.

    Returns
    -------
    str
        The time, in UTC.
    """
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return moment.astimezone(timezone.utc).isoformat()
