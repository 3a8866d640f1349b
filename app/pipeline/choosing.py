"""Chooses who reads documents and who writes answers by what the probe found."""

from collections.abc import Callable, Sequence

from app.domain.ids import WorkspaceId
from app.domain.models import Band, ProbeResult
from app.pipeline.combined_extraction import RulesAndModelExtractor
from app.pipeline.extraction import TripleExtractor
from app.pipeline.fact_meaning import FactMeaning
from app.pipeline.model_answering import AnswerWriter
from app.pipeline.model_extraction import ModelExtractor
from app.pipeline.model_reading import ModelReader
from app.pipeline.parsing import SentenceParser
from app.pipeline.rules import RulesExtractor
from backends.cache.base import CacheStore
from backends.embeddings.base import Embedder
from backends.llm.base import LanguageModel


def choose_extractor(
    probe: ProbeResult,
    *,
    model: LanguageModel | None,
    parser: SentenceParser,
    meaning: FactMeaning,
    cache: CacheStore,
    ontology_of: Callable[[WorkspaceId], str] = lambda _: "general",
) -> TripleExtractor:
    """Model-led, rules and model, or rules only; without a model always rules."""
    if model is None or probe.model is None or probe.band is Band.RULES_ONLY:
        return RulesExtractor(parser, meaning)
    reader = ModelReader(model, info=probe.model, cache=cache, ontology_of=ontology_of)
    if probe.band is Band.MODEL_LED:
        return ModelExtractor(reader, parser=parser)
    return RulesAndModelExtractor(reader, parser=parser, meaning=meaning)


def choose_writer(
    chain: Sequence[tuple[ProbeResult, LanguageModel | None]], *, parser: SentenceParser, embedder: Embedder
) -> AnswerWriter | None:
    """The first of the chain that may write, the next ones standing in for it; None: answers quote sentences.

    A model that may not write is passed over; one that is not there (None) is missed, and the answer says so.
    """
    writer = None
    for place, (probe, model) in reversed(list(enumerate(chain))):
        if model is None or probe.model is None or probe.band is Band.RULES_ONLY:
            continue
        missed = any(earlier is None for _, earlier in chain[:place])
        writer = AnswerWriter(
            model, info=probe.model, parser=parser, embedder=embedder, stands_in=missed, otherwise=writer
        )
    return writer
