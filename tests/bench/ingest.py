"""Pace of reading the sample documents, by stage, on one core; prints one JSON object."""

import argparse
import json
import time
from pathlib import Path

from app.evaluation.report import record
from app.evaluation.workspace import cut, make_version, open_instruments
from app.pipeline.embedding import embedded_text
from app.settings import default_model_dir
from backends.embeddings.settings import OnnxEmbedderSettings
from backends.loaders.base import DocumentLoader
from backends.loaders.settings import LocalLoaderSettings
from backends.loading import load

SAMPLES = Path(__file__).parents[2] / "app" / "samples"
SUFFIXES = {".md", ".txt", ".pdf", ".docx", ".html", ".eml", ".csv", ".xlsx", ".pptx"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=SAMPLES)
    parser.add_argument("--results", type=Path)
    options = parser.parse_args()
    seconds = dict.fromkeys(("reading", "chunking", "embedding", "extracting"), 0.0)
    documents = pages = chunks = characters = 0
    loader = load(DocumentLoader, LocalLoaderSettings(ocr=False))
    with open_instruments(embedder=OnnxEmbedderSettings(), model_dir=default_model_dir()) as instruments:
        instruments.parser.parse(["Warm."])
        instruments.embedder.embed_question("Warm.")
        for path in sorted(path for path in options.folder.rglob("*") if path.suffix in SUFFIXES):
            marks = [time.perf_counter()]
            loaded = loader.load(path.name, path.read_bytes())
            marks.append(time.perf_counter())
            made = cut(make_version(documents, path.name), loaded, instruments)
            marks.append(time.perf_counter())
            instruments.embedder.embed_passages([embedded_text(chunk) for chunk in made])
            marks.append(time.perf_counter())
            for chunk in made:
                instruments.extractor.extract(chunk)
            marks.append(time.perf_counter())
            for stage, before, after in zip(seconds, marks, marks[1:], strict=False):
                seconds[stage] += after - before
            documents += 1
            pages += len(loaded.pages)
            chunks += len(made)
            characters += len(loaded.text)
    whole = sum(seconds.values())
    figures = {
        "documents": documents,
        "characters": characters,
        "documents_an_hour": round(documents / whole * 3600),
        "pages_a_second": round(pages / whole, 2),
        "chunks_a_second": round(chunks / whole, 2),
        "share": {stage: round(spent / whole, 3) for stage, spent in seconds.items()},
    }
    print(json.dumps(figures))
    if options.results:
        record(options.results, "ingest", {options.folder.name: figures})


if __name__ == "__main__":
    main()
