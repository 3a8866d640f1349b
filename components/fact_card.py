"""The card beside the drawing: the chosen fact with its quote, or the chosen entity with its facts."""

import streamlit as st

from app.domain.documents import Span
from app.domain.graph import Assertion, Entity, Subgraph, Triple
from app.domain.ids import TripleId, VersionId
from app.services.quoting import Quote, TripleView
from components.entity_shapes import entity_shape
from components.error_card import shows_errors
from components.evidence import place_of, show_evidence
from components.fact import show_fact, show_quote
from components.formats import counted, plain
from components.graph_canvas import Pick
from components.graph_state import GraphState
from components.identity import refreshed
from components.page_header import section
from components.session import Session
from components.tables import key_values
from components.words import ASSERTION

_SENTENCES = {
    Assertion.AFFIRMED: "The text says so.",
    Assertion.NEGATED: "The text says this is not so.",
    Assertion.POSSIBLE: "The text says this may be so.",
    Assertion.FAMILY: "The text says this of a relative.",
    Assertion.HISTORICAL: "The text says this was so in the past.",
    Assertion.PLANNED: "The text says this is planned.",
}
_MOST_FACTS = 10
_WIDTH_OF_IMAGE = 1600


def side_card(session: Session, state: GraphState, shown: Subgraph) -> None:
    """Always there, so that nothing moves when something is chosen."""
    with st.container(border=True, gap=12, key="graph-side"), shows_errors("fact"):
        entity = next((one for one in shown.entities if one.id == state.picked.id), None)
        if state.picked.kind == "fact":
            _fact(session, TripleId(state.picked.id))
        elif entity is not None:
            _entity(state, entity, shown)
        else:
            section("Nothing chosen yet")
            st.markdown(":gray[Click a line to read the sentence behind it, or an entity to see its facts.]")
            st.markdown(":gray[A double click on an entity adds what is around it.]")


def _fact(session: Session, triple_id: TripleId) -> None:
    view = session.services.graph.triple(session.actor, workspace_id=session.workspace_id, triple_id=triple_id)
    triple = view.triple
    section("Fact")
    show_fact(view.subject.name, triple.relation, view.object.name, assertion=triple.assertion, key="graph-fact")
    st.markdown(ASSERTION[triple.assertion].word.badge)
    place = 0
    if len(view.quotes) > 1:
        place = st.pagination(len(view.quotes), max_visible_pages=5, key=f"graph-source-{triple_id}") - 1
    quote = view.quotes[place]
    inferred = " The relation is worked out from it, not written in it." if quote.inferred else ""
    st.markdown(f":gray[{_SENTENCES[triple.assertion]}{inferred}]")
    show_quote(quote.quote, key="graph-quote")
    st.markdown(f":gray[{plain(quote.document)}, page {quote.page}]")
    if st.button("Open the page", icon=":material/open_in_full:", key="graph-open"):
        _open(session, quote)
    key_values(_record(view, quote), alt="Where this fact was found")


def _record(view: TripleView, quote: Quote) -> list[tuple[str, str]]:
    documents = len({one.document_id for one in view.quotes})
    extractor = next(
        (one.extractor for one in view.triple.evidence if (one.version_id, one.span) == (quote.version_id, quote.span)),
        "",
    )
    found_by = "rules" if extractor.startswith("rules") else "a language model"
    return [
        ("Found in", counted(documents, "document")),
        ("Sentences", counted(len(view.quotes), "sentence")),
        ("Found by", f"{found_by}, checked against the text"),
    ]


def _entity(state: GraphState, entity: Entity, shown: Subgraph) -> None:
    names = {str(one.id): one.name for one in shown.entities}
    facts = [one for one in shown.triples if entity.id in (one.subject_id, one.object_id)]
    section(entity.name)
    st.markdown(f":gray-badge[{plain(entity_shape(entity.type).word)}]")
    also = [one for one in entity.aliases if one != entity.name][:6]
    if also:
        st.markdown(f":gray[Also written {plain(', '.join(also))}]")
    st.markdown(f"**{counted(len(facts), 'fact')} shown**")
    with st.container(gap=4):
        for fact in facts[:_MOST_FACTS]:
            st.button(
                _fact_words(entity, fact, names),
                type="tertiary",
                key=f"graph-fact-{fact.id}",
                on_click=_pick,
                args=(state, fact.id),
            )
    if len(facts) > _MOST_FACTS:
        st.markdown(f":gray[{len(facts) - _MOST_FACTS} more are listed under Table.]")


def _fact_words(entity: Entity, fact: Triple, names: dict[str, str]) -> str:
    """From the entity's side: "takes → warfarin", "← treats Dr Lindqvale"."""
    statement = ASSERTION[fact.assertion]
    relation = f":{statement.word.colour}[{plain(statement.prefix + fact.relation)}]"
    if fact.subject_id == entity.id:
        return f"{relation} → {plain(names[fact.object_id])}"
    return f"{plain(names[fact.subject_id])} → {relation}"


def _pick(state: GraphState, fact_id: str) -> None:
    state.picked = Pick("fact", fact_id)


def _open(session: Session, quote: Quote) -> None:
    st.dialog("Source", width="medium", position="right", icon=":material/description:")(_source)(
        session, quote.version_id, quote.span
    )


def _source(session: Session, version_id: VersionId, span: Span) -> None:
    with shows_errors("source"):
        current = refreshed(session)
        evidence, workspace_id = current.services.evidence, current.workspace_id
        view = evidence.evidence(current.actor, workspace_id=workspace_id, version_id=version_id, span=span)
        image = None
        if view.has_image:
            image = evidence.page_image(
                current.actor, workspace_id=workspace_id, version_id=version_id, page=view.page, width=_WIDTH_OF_IMAGE
            )
        st.markdown(f":gray[{plain(place_of(view))}]")
        show_evidence(view, key="graph-page", image=image)
