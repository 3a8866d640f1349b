"""The rules extractor: names and facts of a chunk by dependency parse, behind the gate."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from app.domain.documents import Chunk, Sentence, Span
from app.domain.graph import Assertion, Extraction, ProposedTriple, RecognisedEntity
from app.domain.names import fold
from app.pipeline import words
from app.pipeline.coreference import Antecedents
from app.pipeline.extraction import ChunkExtraction, TripleExtractor, always
from app.pipeline.fact_meaning import FactMeaning, leave_out
from app.pipeline.lines import is_prose
from app.pipeline.parsing import PARSER_VERSION, VALUES, SentenceParser, entities_of
from app.pipeline.readable import readable
from app.pipeline.rules_arguments import Argument
from app.pipeline.rules_candidates import Candidate
from app.pipeline.rules_clauses import clauses
from app.pipeline.rules_doses import with_doses
from app.pipeline.rules_fitness import is_of_unknown, points_back
from app.pipeline.rules_names import read_names
from app.pipeline.rules_patterns import read_clause
from app.pipeline.rules_phrases import Phrases
from app.pipeline.rules_tables import read_row, table_keys
from app.pipeline.verification import ParsedSentence, add_counts, verify

RULES_VERSION = "rules/10"
_FAMILY = re.compile(r"family history\b", re.IGNORECASE)


class RulesExtractor(TripleExtractor):
    """English; needs no model server."""

    def __init__(self, parser: SentenceParser, meaning: FactMeaning) -> None:
        self._parser = parser
        self._meaning = meaning
        self.version = rules_version(meaning)

    def extract(self, chunk: Chunk, *, go_on: Callable[[], bool] = always) -> ChunkExtraction:
        sentences = parse_sentences(chunk, self._parser)
        proposals = propose(chunk, sentences)
        triples, refused = verify(proposals, sentences)
        kept, strays = leave_out(triples, self._meaning.strays(triples, sentences))
        names = tuple(find_names(sentences, common=small_words(chunk)))
        return ChunkExtraction(Extraction(names, kept, add_counts(refused, strays)))


def rules_version(meaning: FactMeaning) -> str:
    return f"{RULES_VERSION}+{PARSER_VERSION}+{meaning.version}"


def parse_sentences(chunk: Chunk, parser: SentenceParser) -> list[ParsedSentence]:
    """The chunk's sentences with their parses, headings among them."""
    texts = [sentence_text(chunk, sentence.span) for sentence in chunk.sentences]
    documents = parser.parse([readable(text) for text in texts])
    return [
        ParsedSentence(sentence.span, text, document)
        for sentence, text, document in zip(chunk.sentences, texts, documents, strict=True)
    ]


def sentence_text(chunk: Chunk, span: Span) -> str:
    return chunk.text[span.start - chunk.span.start : span.end - chunk.span.start]


def small_words(chunk: Chunk) -> frozenset[str]:
    """Words that the chunk writes with a small letter: "Apixaban" that begins a sentence is no organisation."""
    return words.small_words(chunk.text)


def find_names(
    sentences: Sequence[ParsedSentence], *, common: frozenset[str] = frozenset()
) -> Iterator[RecognisedEntity]:
    """Named entities with spans in document coordinates; dates and amounts are arguments of facts, not names."""
    for sentence in sentences:
        for found in entities_of(sentence.document, common=common):
            if found.type not in VALUES:
                start = sentence.span.start
                yield replace(found, span=Span(start + found.span.start, start + found.span.end))


def propose(chunk: Chunk, sentences: Sequence[ParsedSentence]) -> list[ProposedTriple]:
    """Everything the rules read in a chunk, before the gate."""
    antecedents = Antecedents()
    common = small_words(chunk)
    proposals: list[ProposedTriple] = []
    pairs = list(zip(chunk.sentences, sentences, strict=True))
    keys = table_keys(parsed.text for sentence, parsed in pairs if sentence.row)
    for sentence, parsed in pairs:
        if sentence.row:
            proposals += read_row(parsed, keys=keys)
        elif not sentence.heading and is_prose(parsed.text):
            proposals += _read_sentence(sentence, parsed, antecedents, common)
    return [_of_family(proposal, chunk) for proposal in proposals]


def _of_family(proposal: ProposedTriple, chunk: Chunk) -> ProposedTriple:
    """What stands under the heading "Family history", or behind these words, is of no patient's own."""
    begins = sentence_text(chunk, proposal.sentence)
    if proposal.assertion is Assertion.AFFIRMED and (_FAMILY.search(chunk.topic) or _FAMILY.match(begins)):
        return replace(proposal, assertion=Assertion.FAMILY)
    return proposal


def _read_sentence(
    sentence: Sentence, parsed: ParsedSentence, antecedents: Antecedents, common: frozenset[str]
) -> Iterator[ProposedTriple]:
    phrases = Phrases(parsed.document, offset=parsed.span.start, common=common)
    found = list(clauses(parsed.document))
    antecedents.begin(found, phrases)
    candidates = list(with_doses((fact for clause in found for fact in read_clause(clause, phrases)), parsed))
    candidates += read_names(phrases) if found else []
    main = next((clause for clause in found if clause.verb.dep_ == "ROOT"), found[0] if found else None)
    for candidate in candidates:
        proposal = _proposal(sentence.span, candidate, antecedents)
        if proposal is not None:
            yield proposal
    antecedents.remember(main, phrases, candidates)


def _proposal(sentence: Span, fact: Candidate, antecedents: Antecedents) -> ProposedTriple | None:
    """None for a fact about something that only another sentence names."""
    subject, relation = antecedents.resolve(fact.subject), fact.relation
    if (owner := antecedents.owner(fact.subject)) is not None:
        subject, relation = owner, f"{fact.subject.as_words} {relation}"
    if antecedents.resolve(fact.object).coreference or (points_back(subject) and not subject.coreference):
        return None
    if points_back(fact.object) or is_of_unknown(fact.object) or not _is_own(fact.object, subject, antecedents):
        return None
    return ProposedTriple(
        sentence=sentence,
        subject=subject.text,
        relation=relation,
        object=fact.object.text,
        kind=fact.kind,
        assertion=fact.assertion,
        subject_span=subject.span,
        object_span=fact.object.span,
        subject_type=subject.type,
        object_type=fact.object.type,
        coreference=subject.coreference,
    )


def _is_own(object_: Argument, subject: Argument, antecedents: Antecedents) -> bool:
    """Whether an object has no pronoun as its owner ("their horizons"), or the subject is the owner."""
    owner = antecedents.owner(object_)
    return owner is None or fold(owner.text) == fold(subject.text)
