"""Measures the product on data in the formats it documents: one file set, or a folder of known sets."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from app.domain.answers import Mode
from app.errors import InvalidInputError
from app.evaluation.answers import as_json, evaluate_answers
from app.evaluation.datasets import read_abstracts, read_passages, read_questions
from app.evaluation.extraction import evaluate_extraction
from app.evaluation.pages import evaluate_pages
from app.evaluation.report import record
from app.evaluation.retrieval import evaluate_retrieval
from app.evaluation.sampling import extract_folder, sample_triples, write_sample
from app.evaluation.workspace import Instruments, open_instruments
from app.settings import default_model_dir
from backends.embeddings.settings import OnnxEmbedderSettings

QUESTION_SETS = {"hotpotqa": "mh_hotpotqa", "2wiki": "mh_2wiki", "musique": "mh_musique"}
TEXT_SETS = {
    "mine": "triples_mine/dev/essays.jsonl",
    "tekgen": "triples_text2kg_tekgen/dev/sentences.jsonl",
    "redocred": "triples_redocred/dev/docs.jsonl",
    "bc5cdr": "triples_bc5cdr/dev/docs.jsonl",
}
_ABSTRACTS = "med_pubmedqa/dev/questions.jsonl"
_FILINGS = "fin_financebench/dev"
_SAMPLES = Path(__file__).parent.parent / "samples"
_SAMPLED_EACH = 25


@dataclass(frozen=True, slots=True)
class Inputs:
    """What to measure on: `data_dir` holds the known sets under their own names; else the files of one set."""

    data_dir: Path | None = None
    corpus: Path | None = None
    questions: Path | None = None
    file: Path | None = None
    pdfs: Path | None = None
    only: tuple[str, ...] = ()
    """Names of the known sets to measure; empty for all."""
    limit: int | None = None
    titles: bool = True
    mode: Mode | None = None


Measured = tuple[dict[str, dict[str, Any]], list[dict[str, Any]]]
"""Figures by name of the set, and one row an item."""


def run(
    kind: str,
    inputs: Inputs,
    *,
    cache_dir: Path | None = None,
    model_dir: Path | None = None,
    out: Path | None = None,
    results: Path | None = None,
    sample: Path | None = None,
) -> dict[str, Any]:
    """The figures of one set, or `{"sets": {name: figures}}` of a data folder.

    `out` gets one line an item, `results` is a folder whose page is kept in step, `sample` (extraction of a data
    folder) gets triples to judge. Raises InvalidInputError for an unknown kind or missing inputs.
    """
    if kind not in _KINDS:
        raise InvalidInputError(f"{kind} cannot be measured: choose one of {', '.join(_KINDS)}.")
    with open_instruments(
        embedder=OnnxEmbedderSettings(), model_dir=model_dir or default_model_dir(), cache_dir=cache_dir
    ) as instruments:
        figures, rows = _KINDS[kind](inputs, instruments)
        if sample is not None:
            write_sample(sample, _sampled(inputs, instruments))
    if out is not None:
        out.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    if results is not None:
        record(results, kind, figures)
    return {"sets": figures} if inputs.data_dir else next(iter(figures.values()))


def _retrieval(inputs: Inputs, instruments: Instruments) -> Measured:
    modes = (inputs.mode,) if inputs.mode else (Mode.RAG, Mode.GRAPHRAG)
    figures, rows = {}, []
    for name, corpus, questions in _question_files(inputs):
        found, found_rows = evaluate_retrieval(
            corpus=corpus,
            questions=questions,
            instruments=instruments,
            modes=modes,
            titles=inputs.titles,
            limit=inputs.limit,
        )
        for mode, one in found.items():
            figures[f"{name} {mode.value}{'' if inputs.titles else ' without titles'}"] = asdict(one)
        rows += [{"set": name, **row} for row in found_rows]
    return figures, rows


def _extraction(inputs: Inputs, instruments: Instruments) -> Measured:
    figures, rows = {}, []
    for name, file in _named_files(inputs, TEXT_SETS, inputs.file):
        one, extracted = evaluate_extraction(file, instruments=instruments, limit=inputs.limit)
        figures[name] = {key: value for key, value in asdict(one).items() if value is not None}
        for text in extracted:
            triples = [[triple.subject, triple.relation, triple.object] for triple in text.triples]
            rows.append({"set": name, "id": text.source.id, "triples": triples})
    return figures, rows


def _answers(inputs: Inputs, instruments: Instruments) -> Measured:
    mode = inputs.mode or Mode.GRAPHRAG
    figures, rows = {}, []
    for name, corpus, questions in _question_files(inputs):
        one, found = evaluate_answers(
            passages=read_passages(corpus),
            questions=read_questions(questions, limit=inputs.limit),
            instruments=instruments,
            mode=mode,
            titles=inputs.titles,
        )
        figures[f"{name} {mode.value}"] = as_json(one)
        rows += [{"set": name, **row} for row in found]
    if inputs.data_dir and _wanted(inputs, "pubmedqa"):
        passages, asked = read_abstracts(inputs.data_dir / _ABSTRACTS, limit=inputs.limit)
        one, found = evaluate_answers(
            passages=passages, questions=asked, instruments=instruments, mode=mode, titles=False
        )
        figures[f"pubmedqa {mode.value}"] = as_json(one)
        rows += [{"set": "pubmedqa", **row} for row in found]
    return figures, rows


def _pages(inputs: Inputs, instruments: Instruments) -> Measured:
    folder = inputs.data_dir / _FILINGS if inputs.data_dir else None
    pdfs = folder / "pdfs" if folder else inputs.pdfs
    questions = folder / "questions.jsonl" if folder else inputs.questions
    if pdfs is None or questions is None:
        raise InvalidInputError("Pages are measured on --pdfs FOLDER and --questions FILE.")
    figures, rows = evaluate_pages(
        pdfs=pdfs, questions=questions, instruments=instruments, mode=inputs.mode or Mode.RAG, limit=inputs.limit
    )
    return {"financebench" if folder else questions.stem: asdict(figures)}, rows


_KINDS: Mapping[str, Callable[[Inputs, Instruments], Measured]] = {
    "retrieval": _retrieval,
    "extraction": _extraction,
    "answers": _answers,
    "pages": _pages,
}


def _question_files(inputs: Inputs) -> list[tuple[str, Path, Path]]:
    if inputs.data_dir:
        folders = {name: inputs.data_dir / folder for name, folder in QUESTION_SETS.items() if _wanted(inputs, name)}
        return [(name, path / "corpus.jsonl", path / "dev" / "questions.jsonl") for name, path in folders.items()]
    if inputs.corpus is None or inputs.questions is None:
        raise InvalidInputError("Questions are measured on --corpus FILE and --questions FILE.")
    return [(inputs.questions.stem, inputs.corpus, inputs.questions)]


def _named_files(inputs: Inputs, known: Mapping[str, str], file: Path | None) -> list[tuple[str, Path]]:
    if inputs.data_dir:
        return [(name, inputs.data_dir / path) for name, path in known.items() if _wanted(inputs, name)]
    if file is None:
        raise InvalidInputError("Extraction is measured on a FILE.")
    return [(file.stem, file)]


def _wanted(inputs: Inputs, name: str) -> bool:
    return not inputs.only or name in inputs.only


def _sampled(inputs: Inputs, instruments: Instruments) -> Iterable[dict[str, str]]:
    if inputs.data_dir is None:
        raise InvalidInputError("A sample is drawn from the sets of a data folder.")
    sets = {"samples": extract_folder(_SAMPLES, instruments=instruments)}
    for name in ("mine", "redocred", "bc5cdr"):
        _, sets[name] = evaluate_extraction(
            inputs.data_dir / TEXT_SETS[name], instruments=instruments, limit=inputs.limit
        )
    return sample_triples(sets, each=_SAMPLED_EACH)
