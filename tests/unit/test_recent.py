"""Results kept for a short time: made once for those who want the same, and again when they are old."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from app.pipeline.recent import Recent


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_result_is_made_once_until_it_is_old() -> None:
    clock, made = Clock(), []
    recent: Recent[str, int] = Recent(most=4, seconds=60, clock=clock)

    def make() -> int:
        made.append(clock.now)
        return len(made)

    found = []
    for clock.now in (0.0, 60.0, 60.5, 100.0):
        found.append(recent.get("a", make))
    assert (found, made) == ([1, 1, 2, 2], [0.0, 60.5])


def test_other_keys_have_results_of_their_own_and_the_longest_unused_goes() -> None:
    recent: Recent[str, str] = Recent(most=2, seconds=60)
    for key in "abac":
        assert recent.get(key, lambda key=key: key) == key  # type: ignore[misc]
    assert [recent.get(key, lambda: "new") for key in "cab"] == ["c", "a", "new"]


def test_what_is_forgotten_and_what_failed_is_made_again() -> None:
    recent: Recent[tuple[str, int], str] = Recent(most=9, seconds=60)
    for key in (("here", 1), ("here", 2), ("there", 1)):
        recent.get(key, lambda: "old")
    recent.forget(lambda key: key[0] == "here")
    assert [recent.get((place, 1), lambda: "new") for place in ("here", "there")] == ["new", "old"]
    with pytest.raises(ZeroDivisionError):
        recent.get(("x", 1), lambda: str(1 // 0))
    assert recent.get(("x", 1), lambda: "made") == "made"


def test_many_who_want_the_same_at_once_wait_for_one() -> None:
    recent: Recent[str, int] = Recent(most=2, seconds=60)
    may_end, made = Event(), []

    def make() -> int:
        made.append(1)
        may_end.wait(30)
        return len(made)

    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(recent.get, "a", make) for _ in range(4)]
        assert recent.get("b", lambda: 7) == 7, "another is not held up"
        may_end.set()
        assert [one.result() for one in waiting] == [1, 1, 1, 1]
