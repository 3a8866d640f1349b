"""Keeps the newest figures of every measurement and renders them as one page."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_PAGE = "RESULTS.md"
_STORE = "results.json"
_INTRODUCTION = """# Measured

Written by `dafe evaluate … --results FOLDER`; every row is the product's own pipeline on the development half of a
public set, with one configuration for all sets. Baselines are those of the prototypes the product was designed after.
"""
_HEADINGS = {
    "retrieval": "Retrieval: recall of the gold passages among the best 2 and 5",
    "extraction": "Extraction: gold pairs and facts held by the triples",
    "answers": "Answers without a language model",
    "pages": "Pages: the page that holds the answer",
    "ingest": "Reading documents",
    "questions": "Question latency",
    "walks": "A walk over a large workspace",
}
_NOTES = {
    "extraction": (
        "MINE: a fact counts when one triple (or all triples of one sentence) covers 60 % of its content-word stems; "
        "cheaper than a model as judge and not comparable with published MINE scores."
    ),
    "walks": (
        "CPU time of one core, 60 % of the versions permitted; the mask is made once for all who see the same. "
        "Same best: share of the best 20 of a walk that leaves nothing out."
    ),
    "answers": "Without = the gold passages taken out of what was found.",
}
_PROTOTYPES = {
    "retrieval": {
        "hotpotqa graphrag": "R@2 .643, R@5 .854",
        "hotpotqa rag": "R@2 .588, R@5 .796",
        "2wiki graphrag": "R@2 .685, R@5 .830",
        "2wiki rag": "R@2 .538, R@5 .647",
        "musique graphrag": "R@2 .443, R@5 .601",
        "musique rag": "R@2 .391, R@5 .538",
    },
    "extraction": {
        "mine": "triple .541, sentence .735",
        "tekgen": "recall .553",
        "redocred": "recall .278, precision .45",
        "bc5cdr": "recall .341, precision .49",
    },
    "answers": {
        "hotpotqa graphrag": "gold in 1/3/5 .33/.58/.67, AUROC .86",
        "2wiki graphrag": "gold in 1/3/5 .25/.55/.62, AUROC .89",
        "pubmedqa graphrag": "AUROC .985",
    },
    "pages": {"financebench": "all files: top 1 .267, top 5 .467 (BM25)"},
}
_LEFT_OUT = frozenset({"seconds", "model", "configuration", "by_type", "refused"})


def record(folder: Path, kind: str, figures: Mapping[str, Mapping[str, Any]]) -> None:
    """Replace the rows of these names under `kind` and write the page anew."""
    folder.mkdir(parents=True, exist_ok=True)
    store = folder / _STORE
    kept: dict[str, dict[str, Any]] = json.loads(store.read_text(encoding="utf-8")) if store.is_file() else {}
    rows = kept.setdefault(kind, {})
    for name, one in figures.items():
        rows[name] = {key: value for key, value in one.items() if key != "seconds"}
    written = json.dumps(kept, indent=1, sort_keys=True)
    store.write_text(f"{written}\n", encoding="utf-8")
    # Read back, so that columns stand in the same order whichever rows are new.
    (folder / _PAGE).write_text(render(json.loads(written)), encoding="utf-8")


def render(kept: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    """The page: a table a kind, its rows in order of name, and the configuration they share."""
    parts = [_INTRODUCTION]
    for kind in (kind for kind in _HEADINGS if kind in kept):
        rows = kept[kind]
        columns = list(dict.fromkeys(key for row in rows.values() for key in flat(row)))
        parts.append(f"## {_HEADINGS[kind]}\n")
        before = _PROTOTYPES.get(kind, {})
        headings = [column.replace("_", " ") for column in columns] + (["prototype"] if before else [])
        parts.append("| set | " + " | ".join(headings) + " |")
        parts.append("|---" * (len(headings) + 1) + "|")
        for name in sorted(rows):
            values = flat(rows[name])
            cells = [_shown(values.get(column)) for column in columns] + ([before.get(name, "")] if before else [])
            parts.append(f"| {name} | " + " | ".join(cells) + " |")
        parts.append("")
        settings = dict.fromkeys(_configuration(row) for row in rows.values())
        parts.append("Configuration: " + "; ".join(filter(None, settings)) + ".")
        if kind in _NOTES:
            parts.append(_NOTES[kind])
        parts.append("")
    return "\n".join(parts)


def flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of a row, those inside another named with it."""
    figures: dict[str, Any] = {}
    for key, value in row.items():
        if key in _LEFT_OUT or value is None:
            continue
        if isinstance(value, Mapping):
            figures.update({f"{key} {inner}": figure for inner, figure in value.items()})
        else:
            figures[key] = value
    return figures


def _configuration(row: Mapping[str, Any]) -> str:
    settings = ", ".join(f"{key} {value}" for key, value in row.get("configuration", {}).items())
    return ", ".join(filter(None, [settings, row.get("model", "")]))


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    return str(value)
