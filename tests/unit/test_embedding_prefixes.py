"""Tests of the prefixes that embedding models want."""

import pytest

from backends.embeddings.openai import OpenAIEmbedder
from backends.embeddings.prefixes import Prefixes, prefixes_for
from backends.embeddings.settings import OpenAIEmbedderSettings

SENTENCE = "Represent this sentence for searching relevant passages: "


@pytest.mark.parametrize(
    ("model", "question", "passage"),
    [
        ("BAAI/bge-large-en-v1.5", SENTENCE, ""),
        ("bge-small-en-v1.5", SENTENCE, ""),
        ("bge-large:latest", SENTENCE, ""),
        ("bge-m3", "", ""),
        ("BAAI/bge-large-zh-v1.5", "", ""),
        ("intfloat/e5-base-v2", "query: ", "passage: "),
        ("intfloat/multilingual-e5-large", "query: ", "passage: "),
        ("intfloat/multilingual-e5-large-instruct", "", ""),
        ("intfloat/e5-mistral-7b-instruct", "", ""),
        ("nomic-embed-text", "search_query: ", "search_document: "),
        ("nomic-embed-text:v1.5", "search_query: ", "search_document: "),
        ("nomic-ai/nomic-embed-text-v1.5", "search_query: ", "search_document: "),
        ("mxbai-embed-large", SENTENCE, ""),
        ("mixedbread-ai/mxbai-embed-large-v1", SENTENCE, ""),
        ("snowflake-arctic-embed:33m", SENTENCE, ""),
        ("Snowflake/snowflake-arctic-embed-m-v1.5", SENTENCE, ""),
        ("snowflake-arctic-embed2", "", ""),
        ("Snowflake/snowflake-arctic-embed-l-v2.0", "", ""),
        ("sentence-transformers/all-MiniLM-L6-v2", "", ""),
        ("all-minilm", "", ""),
        ("somebody/my-e5-base-v2", "", ""),
    ],
)
def test_a_published_name_brings_its_familys_prefixes(model: str, question: str, passage: str) -> None:
    assert prefixes_for(model) == Prefixes(question, passage)


def test_settings_stand_in_the_place_of_the_familys_prefixes() -> None:
    assert prefixes_for("e5-base-v2", question="") == Prefixes("", "passage: ")
    assert prefixes_for("e5-base-v2", passage="Text: ") == Prefixes("query: ", "Text: ")
    assert prefixes_for("unknown", question="Q: ", passage="P: ") == Prefixes("Q: ", "P: ")


def test_each_pair_of_prefixes_has_a_mark_of_its_own() -> None:
    pairs = [("a", ""), ("", "a"), ("ab", "c"), ("a", "bc"), ("1:a", ""), ("abc", "")]
    assert len({Prefixes(*pair).mark for pair in pairs}) == len(pairs)
    assert Prefixes().mark == ""


def test_other_prefixes_are_another_embedding_space() -> None:
    def name(**given: str) -> str:
        return OpenAIEmbedder(
            OpenAIEmbedderSettings(url="http://127.0.0.1:9/v1", model="e5-base-v2", dimension=8, **given)
        ).name

    assert name(question_prefix="", passage_prefix="") == "e5-base-v2"
    assert len({name(), name(question_prefix=""), name(passage_prefix=""), name(passage_prefix="x")}) == 4
    assert name() == name(question_prefix="query: ", passage_prefix="passage: ")
