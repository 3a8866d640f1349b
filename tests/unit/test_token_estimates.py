"""Tests that estimated tokens are never too few: against the real counts of SmolLM2's 49,152-token vocabulary."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.errors import DafeError
from backends.llm.counting import estimate_tokens
from backends.llm.llamacpp import LlamaCppLanguageModel
from backends.llm.settings import LlamaCppSettings
from tests.servers.requiring import require
from tests.servers.smollm2 import smollm2_path

PROSE = (
    "The committee approved the facility on 3 May. Apixaban was started after the operation, and the patient went home "
    "without complaints. "
)


def test_nothing_has_no_tokens() -> None:
    assert estimate_tokens("") == 0


def test_prose_is_estimated_at_far_less_than_a_token_for_each_letter() -> None:
    assert len(PROSE * 20) / 4 < estimate_tokens(PROSE * 20) < len(PROSE * 20) * 0.65


@given(st.text(max_size=200), st.text(max_size=200))
def test_a_longer_text_never_has_fewer_tokens(first: str, second: str) -> None:
    assert estimate_tokens(first + "\n" + second) >= max(estimate_tokens(first), estimate_tokens(second))


@pytest.fixture(scope="module")
def model() -> Iterator[LlamaCppLanguageModel]:
    try:
        built = LlamaCppLanguageModel(LlamaCppSettings(path=smollm2_path(), threads=1, window_tokens=512))
    except DafeError:
        require("llamacpp", "run uv sync --extra llamacpp")
    yield built
    built.close()


@pytest.mark.server
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=120),
        st.text("abcdefghijklmnopqrstuvwxyz ", min_size=1, max_size=120),
        st.text("0123456789.,-/ \n", min_size=1, max_size=120),
        st.lists(st.sampled_from(PROSE.split()), min_size=1, max_size=60).map(" ".join),
    )
)
@example("dichlorodiphenyltrichloroethane hydroxychloroquine CYP3A4 47.5 mg")
@example("    if x:\n        return {'a': [1, 2, 3]}\n\n\n")
def test_an_estimate_is_never_below_the_real_count(model: LlamaCppLanguageModel, text: str) -> None:
    assert estimate_tokens(text) >= model.count_tokens(text)
