"""Tests of the shipped ontologies."""

import pytest

from app.errors import ConfigurationError
from app.pipeline.ontology import ONTOLOGY_NAMES, describe_ontology, load_ontology


@pytest.mark.parametrize("name", ONTOLOGY_NAMES)
def test_a_shipped_ontology_names_types_and_relations(name: str) -> None:
    ontology = load_ontology(name)
    assert ontology.name == name
    assert len(ontology.entity_types) >= 5
    assert len(ontology.relation_types) >= 5
    described = describe_ontology(ontology)
    assert all(f"- {word}: " in described for word in (*ontology.entity_types, *ontology.relation_types))


def test_an_unknown_ontology_is_refused_with_the_choices() -> None:
    with pytest.raises(ConfigurationError, match="clinical, finance, general"):
        load_ontology("../secrets")
