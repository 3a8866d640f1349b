"""The shipped ontologies, read from their YAML files."""

from functools import cache
from pathlib import Path

import yaml

from app.domain.ontology import Ontology
from app.errors import ConfigurationError

ONTOLOGY_NAMES = ("clinical", "finance", "general")
_FOLDER = Path(__file__).parent / "ontologies"


@cache
def load_ontology(name: str) -> Ontology:
    """Raises ConfigurationError for a name that is not shipped or a file that does not have the two sections."""
    if name not in ONTOLOGY_NAMES:
        raise ConfigurationError(f"This ontology is not known: choose one of {', '.join(ONTOLOGY_NAMES)}.")
    content = yaml.safe_load((_FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    try:
        return Ontology(name, dict(content["entity_types"]), dict(content["relation_types"]))
    except (TypeError, KeyError, ValueError) as error:
        raise ConfigurationError(
            f"The ontology file {name}.yaml lacks entity_types or relation_types: restore it from the package."
        ) from error


def describe_ontology(ontology: Ontology) -> str:
    """The ontology as lines of a prompt."""
    types = [f"- {name}: {meaning}" for name, meaning in ontology.entity_types.items()]
    relations = [f"- {name}: {meaning}" for name, meaning in ontology.relation_types.items()]
    return "\n".join(["Look for these things:", *types, "joined in such ways, if the sentence says so:", *relations])
