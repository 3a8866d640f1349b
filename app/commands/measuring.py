"""dafe evaluate."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from app.commands.evaluate import Inputs, run
from app.commands.output import Json, columns, show
from app.domain.answers import Mode

evaluate = typer.Typer(name="evaluate", no_args_is_help=True, help="Measure quality on data with known answers.")

DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="A folder of the known public sets, instead of files.")
]
Only = Annotated[list[str] | None, typer.Option("--only", help="A known set by name; may be repeated.")]
Limit = Annotated[int | None, typer.Option("--limit", help="The first so many items of each set.")]
Out = Annotated[Path | None, typer.Option("--out", help="A file that gets one line an item.")]
Results = Annotated[Path | None, typer.Option("--results", help="A folder whose RESULTS.md is kept in step.")]
CacheDir = Annotated[Path | None, typer.Option("--cache-dir", help="Keeps vectors and extractions between runs.")]
WithoutTitles = Annotated[bool, typer.Option("--without-titles", help="As if passages had no titles.")]
InMode = Annotated[Mode | None, typer.Option("--mode", help="One way to answer instead of all.")]
Corpus = Annotated[Path | None, typer.Option("--corpus", help="Passages as JSON Lines: id, title, text.")]
Questions = Annotated[Path | None, typer.Option("--questions", help="Questions as JSON Lines.")]


@evaluate.command("retrieval")
def evaluate_retrieval(
    corpus: Corpus = None,
    questions: Questions = None,
    data_dir: DataDir = None,
    only: Only = None,
    without_titles: WithoutTitles = False,
    mode: InMode = None,
    limit: Limit = None,
    out: Out = None,
    results: Results = None,
    cache_dir: CacheDir = None,
    as_json: Json = False,
) -> None:
    """How many of the gold passages are among the first two and five."""
    inputs = Inputs(
        data_dir=data_dir,
        corpus=corpus,
        questions=questions,
        only=tuple(only or ()),
        limit=limit,
        titles=not without_titles,
        mode=mode,
    )
    _show(run("retrieval", inputs, cache_dir=cache_dir, out=out, results=results), as_json=as_json)


@evaluate.command("extraction")
def evaluate_extraction(
    file: Annotated[Path | None, typer.Argument(help="Texts with gold facts as JSON Lines.")] = None,
    data_dir: DataDir = None,
    only: Only = None,
    limit: Limit = None,
    out: Out = None,
    results: Results = None,
    sample: Annotated[Path | None, typer.Option(help="A file that gets a hundred facts to judge by reading.")] = None,
    cache_dir: CacheDir = None,
    as_json: Json = False,
) -> None:
    """How many of the gold facts are found, and what was refused why."""
    inputs = Inputs(data_dir=data_dir, file=file, only=tuple(only or ()), limit=limit)
    figures = run("extraction", inputs, cache_dir=cache_dir, out=out, results=results, sample=sample)
    _show(figures, as_json=as_json)


@evaluate.command("answers")
def evaluate_answers(
    corpus: Corpus = None,
    questions: Questions = None,
    data_dir: DataDir = None,
    only: Only = None,
    without_titles: WithoutTitles = False,
    mode: InMode = None,
    limit: Limit = None,
    out: Out = None,
    results: Results = None,
    cache_dir: CacheDir = None,
    as_json: Json = False,
) -> None:
    """Whether the quoted sentences hold the answer, and how well support tells answerable questions from others."""
    inputs = Inputs(
        data_dir=data_dir,
        corpus=corpus,
        questions=questions,
        only=tuple(only or ()),
        limit=limit,
        titles=not without_titles,
        mode=mode,
    )
    _show(run("answers", inputs, cache_dir=cache_dir, out=out, results=results), as_json=as_json)


@evaluate.command("pages")
def evaluate_pages(
    pdfs: Annotated[Path | None, typer.Option(help="A folder of PDF documents.")] = None,
    questions: Questions = None,
    data_dir: DataDir = None,
    mode: InMode = None,
    limit: Limit = None,
    out: Out = None,
    results: Results = None,
    cache_dir: CacheDir = None,
    as_json: Json = False,
) -> None:
    """Whether the page that holds the evidence is among the first one, three and five."""
    inputs = Inputs(data_dir=data_dir, pdfs=pdfs, questions=questions, limit=limit, mode=mode)
    _show(run("pages", inputs, cache_dir=cache_dir, out=out, results=results), as_json=as_json)


def _show(figures: dict[str, Any], *, as_json: bool) -> None:
    show(figures, as_json=as_json, lines=columns(_flat(figures)))


def _flat(figures: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in figures.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", round(value, 4) if isinstance(value, float) else value
