"""What somebody explores on the Graph page at the moment; kept between reruns, one for each workspace."""

from collections.abc import Collection
from dataclasses import dataclass, field

import streamlit as st

from app.domain.graph import Assertion, Entity
from app.domain.ids import DocumentId, EntityId, WorkspaceId
from components.graph_canvas import Pick
from components.graph_layout import Point

NOTHING = Pick("nothing", "")
CHOICES_OF_MOST = (20, 50, 100, 300, 500)
_KEY = "graph-state"
_FILTERS = ("documents", "relations", "types", "assertions")


@dataclass(slots=True)
class GraphState:
    """`centre` maps the entities whose facts are shown to their names; none means the best supported facts of all."""

    workspace_id: WorkspaceId
    centre: dict[EntityId, str] = field(default_factory=dict)
    picked: Pick = NOTHING
    places: dict[str, Point] = field(default_factory=dict)
    """Where entities were drawn, so that they stay there when others come."""
    documents: list[DocumentId] = field(default_factory=list)
    relations: list[str] = field(default_factory=list)
    types: list[str] = field(default_factory=list)
    assertions: list[Assertion] = field(default_factory=list)
    most: int = CHOICES_OF_MOST[0]
    known_relations: set[str] = field(default_factory=set)
    known_types: set[str] = field(default_factory=set)
    known_names: dict[str, str] = field(default_factory=dict)

    def key(self, name: str) -> str:
        """Of a widget; another workspace has others."""
        return f"graph-{self.workspace_id}-{name}"

    @property
    def filters(self) -> int:
        """How many narrow what is shown."""
        return sum(bool(chosen) for chosen in (self.documents, self.relations, self.types, self.assertions))

    def centre_on(self, entity_id: EntityId, name: str) -> None:
        """Its facts instead of those shown."""
        self.centre, self.picked, self.places = {entity_id: name}, Pick("entity", entity_id), {}
        st.session_state[self.key("find")] = name

    def expand(self, entity_id: EntityId) -> None:
        """Its facts beside those shown; entities there keep their places."""
        if not self.centre:
            self.places = {}
        self.centre[entity_id] = self.known_names.get(entity_id, "")
        self.picked = Pick("entity", entity_id)

    def read_filters(self) -> None:
        """What was just chosen, before it is drawn again."""
        for name in _FILTERS:
            setattr(self, name, list(st.session_state.get(self.key(name), getattr(self, name))))

    def clear(self) -> None:
        """Back to how the page was first opened."""
        self.centre, self.picked, self.places = {}, NOTHING, {}
        self.documents, self.relations, self.types, self.assertions = [], [], [], []
        for name in ("find", *_FILTERS):
            st.session_state.pop(self.key(name), None)

    def remember(self, entities: Collection[Entity], relations: Collection[str], types: Collection[str]) -> None:
        """What can be filtered by is known from what was seen."""
        self.known_names |= {one.id: one.name for one in entities}
        self.known_relations |= set(relations)
        self.known_types |= set(types)


def graph_state(workspace_id: WorkspaceId) -> GraphState:
    state = st.session_state.get(_KEY)
    if not isinstance(state, GraphState) or state.workspace_id != workspace_id:
        state = st.session_state[_KEY] = GraphState(workspace_id)
    return state
