"""Normal forms of names, shared by resolution, linking and search."""

import re
import unicodedata
from pathlib import PurePosixPath

_DASHES = dict.fromkeys(map(ord, "‐‑‒–—−"), "-")
_QUOTES = {ord("’"): "'", ord("‘"): "'", ord("“"): '"', ord("”"): '"'}
_LEADING = re.compile(r"^(?:the|a|an)\s+", re.IGNORECASE)


def fold(text: str) -> str:
    """NFKC, case, dash, quote and space folding: what "verbatim" means to the gate."""
    folded = unicodedata.normalize("NFKC", text).translate(_DASHES).translate(_QUOTES).casefold()
    return " ".join(folded.split())


def name_key(name: str) -> str:
    """The key under which two spellings of a name are one entity: folded, without leading article or ending mark."""
    return _LEADING.sub("", fold(name)).strip(" .,;:'\"()[]").removesuffix("'s").strip()


def clean_file_name(name: str) -> str:
    """The last path part without control, direction and zero-width signs, at most 181 characters; "file" when nothing
    is left."""
    last = PurePosixPath(name.replace("\\", "/")).name
    kept = "".join(filter(str.isprintable, last)).strip()
    if not kept.strip(". "):
        return "file"
    stem, dot, ending = kept.rpartition(".")
    return (f"{stem[:170]}{dot}{ending[:10]}" if dot else ending[:180]) or "file"
