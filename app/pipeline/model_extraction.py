"""The model-led extractor: a language model reads prose; names, table rows and pronouns stay with the rules."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from app.domain.documents import Chunk, Span
from app.domain.graph import Extraction, ProposedTriple
from app.domain.names import fold
from app.pipeline.extraction import ChunkExtraction, TripleExtractor, always
from app.pipeline.model_reading import ModelReader
from app.pipeline.parsing import PARSER_VERSION, SentenceParser, entities_of
from app.pipeline.rules import RULES_VERSION, find_names, parse_sentences, propose, small_words
from app.pipeline.verification import ParsedSentence, add_counts, verify


class ModelExtractor(TripleExtractor):
    """One call a chunk; everything the model returns passes the gate, and the parse decides how it is stated."""

    def __init__(self, reader: ModelReader, *, parser: SentenceParser) -> None:
        self._reader = reader
        self._parser = parser
        self.version = f"{reader.version}+{RULES_VERSION}+{PARSER_VERSION}"

    def extract(self, chunk: Chunk, *, go_on: Callable[[], bool] = always) -> ChunkExtraction:
        sentences = parse_sentences(chunk, self._parser)
        by_rules = propose(chunk, sentences)
        reading = self._reader.read(chunk, prose(chunk, sentences), go_on=go_on)
        proposals = [proposal for proposal in by_rules if proposal.kind == "table"]
        proposals += grounded(reading.proposals, by_rules=by_rules, sentences=sentences, common=small_words(chunk))
        triples, refused = verify(proposals, sentences)
        names = tuple(find_names(sentences, common=small_words(chunk)))
        return ChunkExtraction(Extraction(names, triples, add_counts(refused, reading.refused)), reading.state)


def prose(chunk: Chunk, sentences: Sequence[ParsedSentence]) -> list[ParsedSentence]:
    """The sentences that are neither heading nor table row."""
    return [
        parsed
        for sentence, parsed in zip(chunk.sentences, sentences, strict=True)
        if not sentence.heading and not sentence.row
    ]


def grounded(
    proposals: Iterable[ProposedTriple],
    *,
    by_rules: Iterable[ProposedTriple],
    sentences: Sequence[ParsedSentence],
    common: frozenset[str],
) -> Iterator[ProposedTriple]:
    """The model's proposals with the types that the parse knows, and with the place of an antecedent where the model
    wrote a name for a pronoun that the rules resolved to the same name."""
    antecedents = {
        (proposal.sentence, fold(proposal.subject)): proposal for proposal in by_rules if proposal.coreference
    }
    types = {sentence.span: _types(sentence, common) for sentence in sentences}
    for proposal in proposals:
        known: Mapping[str, str] = types.get(proposal.sentence, {})
        typed = replace(
            proposal,
            subject_type=known.get(fold(proposal.subject), proposal.subject_type),
            object_type=known.get(fold(proposal.object), proposal.object_type),
        )
        antecedent = antecedents.get((proposal.sentence, fold(proposal.subject)))
        if antecedent is not None and fold(proposal.subject) not in fold(_text(sentences, proposal.sentence)):
            typed = replace(
                typed,
                subject_span=antecedent.subject_span,
                subject_type=antecedent.subject_type,
                coreference=True,
            )
        yield typed


def _types(sentence: ParsedSentence, common: frozenset[str]) -> dict[str, str]:
    return {fold(found.text): found.type for found in entities_of(sentence.document, common=common)}


def _text(sentences: Sequence[ParsedSentence], span: Span) -> str:
    return next((sentence.text for sentence in sentences if sentence.span == span), "")
