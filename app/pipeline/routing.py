"""Chooses how a question is answered when the person leaves it to the program."""

from app.domain.answers import Mode
from app.pipeline.graph_query import GraphFinding
from app.pipeline.retrieval import Retrieved

_COVERED_WELL = 0.6


def choose_mode(mode: Mode, *, retrieved: Retrieved, finding: GraphFinding) -> tuple[Mode, str]:
    """The mode to use and why, in one clause; a mode that was asked for stays."""
    if mode is not Mode.AUTO:
        return mode, "you chose it"
    names = list(dict.fromkeys(seed.name for seed in retrieved.seeds))
    if not names:
        return Mode.RAG, "the question names nothing that the facts know, so passages are searched"
    shown = " and ".join(names[:2])
    if finding.facts and finding.coverage >= _COVERED_WELL:
        return Mode.GRAPH, f"facts about {shown} say what is asked"
    if len(names) > 1:
        return Mode.GRAPHRAG, f"the question connects {shown}"
    return Mode.GRAPHRAG, f"the question is about {shown}, and passages around it are searched"
