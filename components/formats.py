"""Numbers, times and texts as every page writes them."""

import math
import re
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

_TITLES = frozenset({"Dr", "Prof", "Mr", "Mrs", "Ms", "Mx", "Sister"})
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")


def plain(text: str) -> str:
    """`text` so that Markdown shows it as it is: names of files and people must never become links or images."""
    return _PUNCTUATION.sub(r"\\\1", " ".join(text.split()))


def short_name(name: str) -> str:
    """ "Dr Ilse Marrow" is "I. Marrow" in tables; what does not look like a person's name stays as it is."""
    words = [word for word in name.split() if word.rstrip(".") not in _TITLES]
    if len(words) < 2 or not all(word[:1].isupper() for word in words):
        return name
    return f"{words[0][0]}. {words[-1]}"


def number(value: int) -> str:
    """1,284."""
    return f"{value:,}"


def counted(value: int, one: str, many: str = "") -> str:
    """ "1 document", "1,284 documents"."""
    return f"{value:,} {one if value == 1 else many or one + 's'}"


def percent(part: float, whole: float) -> str:
    """99.2 %; a part that is missing never rounds to 100 %, and nothing of nothing is a dash."""
    if whole <= 0:
        return "–"
    share = min(part / whole, 1.0) * 100
    if share in {0.0, 100.0}:
        return f"{share:.0f} %"
    return f"{min(max(share, 0.1), 99.9):.1f} %"


def seconds(value: float) -> str:
    """14 ms, 3.2 s, 2 min."""
    if value < 0.95:
        return f"{max(value, 0.001) * 1000:.0f} ms"
    return f"{value:.1f} s" if value < 90 else f"{value / 60:.0f} min"


def time_left(eta_seconds: float | None) -> str:
    """ "about 6 min left", or that it is still being measured."""
    if eta_seconds is None:
        return "measuring the time left"
    if eta_seconds < 50:
        return f"about {max(math.ceil(eta_seconds / 5) * 5, 5)} s left"
    if eta_seconds < 5400:
        return f"about {max(round(eta_seconds / 60), 1)} min left"
    return f"about {eta_seconds / 3600:.0f} h left"


def size(size_bytes: int) -> str:
    """2.1 MB."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size_bytes >= factor:
            return f"{size_bytes / factor:.1f} {unit}"
    return counted(size_bytes, "byte")


def day(at: datetime) -> str:
    """17 June 2026."""
    local = at.astimezone(viewer_zone())
    return f"{local.day} {local:%B %Y}"


def clock(at: datetime) -> str:
    """14:05."""
    return f"{at.astimezone(viewer_zone()):%H:%M}"


def moment(at: datetime, *, now: datetime | None = None) -> str:
    """ "Today 09:40", "Yesterday 16:02", "20 Nov 11:20", and the year where it is another one."""
    zone = viewer_zone()
    local, present = at.astimezone(zone), (now or datetime.now(UTC)).astimezone(zone)
    days = (present.date() - local.date()).days
    if days in {0, 1}:
        return f"{('Today', 'Yesterday')[days]} {local:%H:%M}"
    year = "" if local.year == present.year else f" {local.year}"
    return f"{local.day} {local:%b}{year} {local:%H:%M}"


def day_and_time(at: datetime) -> str:
    """22 November 2026, 15:48."""
    return f"{day(at)}, {at.astimezone(viewer_zone()):%H:%M}"


def log_moment(at: datetime) -> str:
    """23 Nov 09:42:10."""
    local = at.astimezone(viewer_zone())
    return f"{local.day} {local:%b %H:%M:%S}"


def viewer_zone() -> tzinfo | None:
    """The time zone of the browser; None, which means this machine's, outside of a page."""
    name = st.context.timezone
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return None
