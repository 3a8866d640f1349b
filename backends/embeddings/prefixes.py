"""What the makers of embedding models want before a question and before a passage."""

import re
from dataclasses import dataclass
from hashlib import blake2b


@dataclass(frozen=True, slots=True)
class Prefixes:
    question: str = ""
    passage: str = ""

    @property
    def mark(self) -> str:
        """Part of an embedder's name, because other prefixes make other vectors; empty where there are none."""
        if self == Prefixes():
            return ""
        both = f"{len(self.question)}:{self.question}{self.passage}"
        return f"+{blake2b(both.encode(), digest_size=4).hexdigest()}"


_SENTENCE = Prefixes(question="Represent this sentence for searching relevant passages: ")
_FAMILIES = {
    r"bge-(small|base|large)-en-v1\.5|bge-large": _SENTENCE,
    r"(multilingual-)?e5-(small|base|large)|e5-(small|base|large)-v2": Prefixes("query: ", "passage: "),
    r"nomic-embed-text(-v1(\.5)?)?": Prefixes("search_query: ", "search_document: "),
    r"mxbai-embed-large(-v1)?": _SENTENCE,
    r"snowflake-arctic-embed(-(xs|s|m|m-v1\.5|m-long|l))?": _SENTENCE,
    r"all-minilm(-l6-v2|-l12-v2)?": Prefixes(),
}


def prefixes_for(model: str, *, question: str | None = None, passage: str | None = None) -> Prefixes:
    """Those of the model's family, none for an unknown one, with `question` and `passage` in their place where given.

    A model is known by its published name, whatever publisher stands before it and whatever tag behind it. The names
    without a size or version are those of Ollama's library. Sources, all of them the models' own cards on Hugging Face:

    - bge: BAAI/bge-large-en-v1.5, "Model List" (query instruction for retrieval; none for passages); the same for base
      and small. Ollama's bge-large is this model. bge-m3 wants none.
    - e5: intfloat/e5-base-v2 and intfloat/multilingual-e5-large, "Usage" (each text starts with "query: " or
      "passage: "). The instruct models want a task description instead: set it.
    - nomic: nomic-ai/nomic-embed-text-v1.5, "Task instruction prefixes".
    - mxbai: mixedbread-ai/mxbai-embed-large-v1, "Quickstart" (the prompt for query retrieval; none for documents).
    - arctic: Snowflake/snowflake-arctic-embed-l, "Usage" (query prefix; none for documents); not the models of 2.0.
    - MiniLM: sentence-transformers/all-MiniLM-L6-v2, "Usage" (none).
    """
    name = model.rpartition("/")[2].partition(":")[0].casefold()
    known = next((prefixes for pattern, prefixes in _FAMILIES.items() if re.fullmatch(pattern, name)), Prefixes())
    return Prefixes(
        question=known.question if question is None else question,
        passage=known.passage if passage is None else passage,
    )
