"""What a workspace's documents speak of: types of things and of relations."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ontology:
    """Names with one clause each that says what falls under them, in the order they are shown."""

    name: str
    entity_types: Mapping[str, str]
    relation_types: Mapping[str, str]
