"""From a question to a cited answer: facts of the graph, or sentences quoted side by side."""

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from app.domain.answers import Answer, AnswerSentence, AnswerTriple, Citation, Mode, Verdict
from app.domain.documents import Chunk, DocumentVersion
from app.domain.graph import Assertion, Evidence
from app.domain.ids import ChunkId, VersionId, WorkspaceId
from app.domain.workspaces import Workspace
from app.pipeline.citing import Citations
from app.pipeline.extractive import SENTENCES_SHOWN, Candidate, find_candidates, score, support_of
from app.pipeline.graph_query import Fact, GraphFinding, GraphQuery
from app.pipeline.known_passages import KnownPassages
from app.pipeline.model_answering import AnswerWriter, Material
from app.pipeline.retrieval import Retrieved, Retriever
from app.pipeline.routing import choose_mode
from app.pipeline.support import WEAK_REASON, judge
from backends.graph.base import GraphStore
from backends.metadata.base import MetadataStore

ASSERTION_WORDS = {
    Assertion.AFFIRMED: "",
    Assertion.NEGATED: "not: ",
    Assertion.POSSIBLE: "possibly: ",
    Assertion.FAMILY: "family: ",
    Assertion.HISTORICAL: "past: ",
    Assertion.PLANNED: "planned: ",
}
_NEAREST_SHOWN = 3
_PLACES_CITED = 3


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a question is asked: the workspace and the permitted versions by id."""

    workspace: Workspace
    documents: Mapping[VersionId, DocumentVersion]

    @property
    def permitted(self) -> frozenset[VersionId]:
        return frozenset(self.documents)


class Answerer:
    """Quotes, and has a model write beside the quotes where there is a writer. Threads may share this object."""

    def __init__(
        self,
        *,
        retriever: Retriever,
        metadata: MetadataStore,
        graph: GraphStore,
        find_writer: Callable[[], AnswerWriter | None] = lambda: None,
        known: KnownPassages | None = None,
    ) -> None:
        """`find_writer` is asked for each question; None means that sentences are quoted."""
        self._known = known
        self._find_writer = find_writer
        self._retriever = retriever
        self._metadata = metadata
        self._graph_query = GraphQuery(graph)

    def version(self, workspace_id: WorkspaceId) -> str:
        """Who answers there now: changes with the models and the prompt."""
        writer = self._find_writer()
        return f"{self._retriever.find_space(workspace_id).key}/{writer.version if writer else 'quotes'}"

    def answer(
        self, question: str, *, scope: Scope, mode: Mode, corpus: str | None = None
    ) -> Generator[Answer, None, None]:
        """What is known so far, each time more, and last the finished answer.

        Found passages are kept under `corpus`, the `corpus_digest` of the scope; with None they are searched for anew.
        """
        retrieve = partial(self._retrieve, question, scope, corpus)
        retrieved = retrieve(Mode.RAG if mode is Mode.RAG else Mode.GRAPHRAG)
        timings = dict(retrieved.timings)
        started = time.perf_counter()
        finding = GraphFinding((), ())
        if mode is not Mode.RAG:
            finding = self._graph_query.find(retrieved, workspace_id=scope.workspace.id, permitted=scope.permitted)
        chosen, reason = choose_mode(mode, retrieved=retrieved, finding=finding)
        timings["facts"] = time.perf_counter() - started
        if mode is Mode.AUTO and chosen is Mode.RAG:
            retrieved = retrieve(Mode.RAG)
        notice = retrieved.space.notice
        begun = Answer(chosen, reason, searched_documents=len(scope.documents), notice=notice, finished=False)
        draft = _Draft(scope, retrieved, begun)
        yield draft.answer
        started = time.perf_counter()
        if chosen is Mode.GRAPH:
            finished = self._answer_with_facts(draft, finding)
        else:
            finished = self._answer_with_sentences(draft, finding if chosen is Mode.GRAPHRAG else GraphFinding((), ()))
        timings["answering"] = time.perf_counter() - started
        writer = self._find_writer()
        if writer is None or chosen is Mode.GRAPH or finished.refused:
            yield from _growing(finished, timings)
        else:
            yield from self._written(question, draft, finished, writer, timings)

    def _written(
        self, question: str, draft: "_Draft", quoted: Answer, writer: AnswerWriter, timings: dict[str, float]
    ) -> Iterator[Answer]:
        """The model's sentences beside the quoted ones; passages that are quoted are read first."""
        scope = draft.scope
        quoted_ids = [citation.chunk_id for citation in quoted.citations]
        quoted_first = self._metadata.chunks.get(
            list(dict.fromkeys(quoted_ids)), workspace_id=scope.workspace.id, permitted=scope.permitted
        )
        chunks = {chunk.id: chunk for chunk in (*quoted_first, *(found.chunk for found in draft.retrieved.passages))}
        material = Material(
            quoted=replace(quoted, notice="", finished=True),
            chunks=list(chunks.values()),
            citations=draft.citations,
            workspace=scope.workspace,
            find_postings=partial(
                self._metadata.chunks.find_postings, workspace_id=scope.workspace.id, permitted=scope.permitted
            ),
        )
        started = time.perf_counter()
        with closing(writer.write(question, material=material)) as answers:
            for answer in answers:
                timings["writing"] = time.perf_counter() - started
                notice = " ".join(filter(None, (quoted.notice, answer.notice)))
                yield replace(answer, notice=notice, timings=timings if answer.finished else {})

    def _retrieve(self, question: str, scope: Scope, corpus: str | None, mode: Mode) -> Retrieved:
        within: dict[str, Any] = {"workspace_id": scope.workspace.id, "permitted": scope.permitted, "mode": mode}
        if corpus is None or self._known is None:
            return self._retriever.retrieve(question, **within)
        return self._known.retrieve(question, corpus=corpus, **within)

    def _answer_with_facts(self, draft: "_Draft", finding: GraphFinding) -> Answer:
        chunks = self._chunks_of((*finding.facts, *finding.nearest), draft.scope)
        triples = draft.cite_facts(finding.facts, chunks)
        if not triples:
            return draft.refuse((), draft.cite_facts(finding.nearest, chunks))
        places = {fact.triple.id: fact.triple.evidence for fact in finding.facts}
        sentences = tuple(
            AnswerSentence(
                f"{fact.subject} — {ASSERTION_WORDS[fact.assertion]}{fact.relation} → {fact.object}",
                draft.cite_places(places[fact.triple_id], chunks),
                Verdict.SUPPORTED,
            )
            for fact in triples
        )
        return draft.finish(sentences, triples, support=2.0)

    def _answer_with_sentences(self, draft: "_Draft", finding: GraphFinding) -> Answer:
        retrieved = draft.retrieved
        candidates = find_candidates(retrieved, embedder=retrieved.space.embedder)
        facts = finding.facts or finding.between
        chunks = self._chunks_of(facts, draft.scope)
        on_path = self._on_path(facts, chunks, retrieved)
        chosen = _with_path(candidates, on_path)
        support = support_of(chosen, retrieved=retrieved, joined=bool(on_path))
        workspace = draft.scope.workspace
        verdict = judge(support, refuse_below=workspace.refuse_below, weak_below=workspace.weak_below)
        if verdict is Verdict.NOT_SUPPORTED or not chosen:
            return draft.refuse(chosen[:_NEAREST_SHOWN], (), support=support)
        reason = WEAK_REASON if verdict is Verdict.WEAK else ""
        sentences = tuple(
            AnswerSentence(found.text, (draft.citations.cite(found.span, chunk=found.chunk).n,), verdict, reason)
            for found in chosen
        )
        shown = {(found.chunk.version_id, found.span) for found in chosen}
        used = [
            fact
            for fact in facts
            if any((evidence.version_id, evidence.span) in shown for evidence in fact.triple.evidence)
        ]
        return draft.finish(sentences, draft.cite_facts(used, chunks), support=support)

    def _on_path(self, facts: Sequence[Fact], chunks: Mapping[ChunkId, Chunk], retrieved: Retrieved) -> list[Candidate]:
        """The evidence sentences of the facts between the question's entities, one a fact, in the order of the path."""
        places = {}
        for fact in facts:
            evidence = fact.triple.evidence[0]
            if evidence.chunk_id in chunks:
                places[evidence.version_id, evidence.span] = (chunks[evidence.chunk_id], evidence.span, 1)
        return score(
            list(places.values())[: SENTENCES_SHOWN - 2], retrieved=retrieved, embedder=retrieved.space.embedder
        )

    def _chunks_of(self, facts: Sequence[Fact], scope: Scope) -> dict[ChunkId, Chunk]:
        ids = list(dict.fromkeys(evidence.chunk_id for fact in facts for evidence in fact.triple.evidence))
        found = self._metadata.chunks.get(ids, workspace_id=scope.workspace.id, permitted=scope.permitted)
        return {chunk.id: chunk for chunk in found}


def _with_path(candidates: Sequence[Candidate], on_path: Sequence[Candidate]) -> list[Candidate]:
    """The best, and after them those on the path that are not among these, in the place of the last ones."""
    best = list(candidates[:SENTENCES_SHOWN])
    known = {(found.chunk.version_id, found.span) for found in best}
    missing = [found for found in on_path if (found.chunk.version_id, found.span) not in known]
    return [*best[: SENTENCES_SHOWN - len(missing)], *missing]


def _growing(finished: Answer, timings: dict[str, float]) -> Iterator[Answer]:
    """The answer sentence by sentence."""
    for shown in range(1, len(finished.sentences)):
        yield replace(finished, sentences=finished.sentences[:shown], finished=False)
    yield replace(finished, timings=timings, finished=True)


class _Draft:
    """An answer being made: its citations are numbered as they are first used."""

    def __init__(self, scope: Scope, retrieved: Retrieved, answer: Answer) -> None:
        self.scope = scope
        self.retrieved = retrieved
        self.citations = Citations(scope.documents)
        self.answer = replace(answer, unknown_entities=retrieved.unknown_entities)

    def cite_facts(self, facts: Sequence[Fact], chunks: Mapping[ChunkId, Chunk]) -> tuple[AnswerTriple, ...]:
        return tuple(cited for fact in facts if (cited := self._cite_fact(fact, chunks)) is not None)

    def cite_places(self, places: Sequence[Evidence], chunks: Mapping[ChunkId, Chunk]) -> tuple[int, ...]:
        """Numbers of the first few places where a fact stands, one a document: they may date it differently."""
        first = {place.version_id: place for place in reversed(places) if place.chunk_id in chunks}
        chosen = sorted(first.values(), key=places.index)[:_PLACES_CITED]
        return tuple(self.citations.cite_evidence(place, chunk=chunks[place.chunk_id]).n for place in chosen)

    def _cite_fact(self, fact: Fact, chunks: Mapping[ChunkId, Chunk]) -> AnswerTriple | None:
        for evidence in fact.triple.evidence:
            chunk = chunks.get(evidence.chunk_id)
            if chunk is None:
                continue
            citation = self.citations.cite_evidence(evidence, chunk=chunk)
            return AnswerTriple(
                triple_id=fact.triple.id,
                subject_id=fact.subject.id,
                subject=fact.subject.name,
                subject_type=fact.subject.type,
                relation=fact.triple.relation,
                object_id=fact.object.id,
                object=fact.object.name,
                object_type=fact.object.type,
                assertion=fact.triple.assertion,
                document_id=evidence.document_id,
                quote=citation.quote,
                hop=fact.hop,
                citation=citation.n,
            )
        return None

    def finish(
        self, sentences: tuple[AnswerSentence, ...], triples: tuple[AnswerTriple, ...], *, support: float
    ) -> Answer:
        return replace(self.answer, sentences=sentences, citations=self.citations.all, triples=triples, support=support)

    def refuse(
        self, closest: Sequence[Candidate], triples: tuple[AnswerTriple, ...], *, support: float = 0.0
    ) -> Answer:
        """Not in the documents: the closest passages are shown, and not used as an answer."""
        nearest: list[Citation] = [self.citations.cite(found.span, chunk=found.chunk) for found in closest]
        if triples:
            nearest = list(self.citations.all)
        return replace(self.answer, refused=True, support=support, nearest=tuple(nearest), nearest_triples=triples)
