"""A fact as text, pill to pill, and a quote on amber."""

from typing import Any

from app.domain.graph import Assertion
from components.browser_part import browser_part
from components.stating import stating_data


def show_fact(subject: str, relation: str, object_: str, *, assertion: Assertion, key: str) -> None:
    """Subject, relation with its prefix and line, object."""
    data: dict[str, Any] = {"subject": subject, "object": object_, **stating_data(assertion, relation)}
    browser_part("fact")(key=key, data=data)


def show_quote(quote: str, *, key: str) -> None:
    browser_part("fact")(key=key, data={"quote": quote})
