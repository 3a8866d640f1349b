"""The two state machines of an endpoint: its circuit breaker and its adaptive limit."""

import pytest

from backends.breaker import CircuitBreaker
from backends.llm.limits import AdaptiveLimit


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def opened(clock: Clock) -> CircuitBreaker:
    breaker = CircuitBreaker(clock=clock)
    for _ in range(3):
        breaker.fail()
    return breaker


def test_a_breaker_opens_after_three_failures_in_a_row() -> None:
    breaker = CircuitBreaker()
    for outcome in (breaker.fail, breaker.fail, breaker.succeed, breaker.fail, breaker.fail):
        outcome()
        assert breaker.state == "closed"
    breaker.fail()
    assert breaker.state == "open"


def test_a_breaker_opens_when_more_than_half_of_the_latest_calls_failed() -> None:
    breaker = CircuitBreaker()
    for outcome in [breaker.succeed, breaker.fail] * 6:
        outcome()
        assert breaker.state == "closed"
    breaker.fail()
    assert breaker.state == "open"


def test_after_a_pause_one_trial_is_due_and_it_closes_the_breaker() -> None:
    clock = Clock()
    breaker = opened(clock)
    assert (breaker.begin_trial(), breaker.seconds_to_trial()) == (False, 1.0)
    clock.now += 1.0
    assert breaker.begin_trial()
    assert (breaker.state, breaker.begin_trial()) == ("half_open", False)
    breaker.pass_trial()
    assert breaker.state == "closed"


def test_a_trial_that_could_not_be_made_is_due_still() -> None:
    clock = Clock()
    breaker = opened(clock)
    breaker.withdraw_trial()
    assert (breaker.state, breaker.begin_trial()) == ("open", False)
    clock.now += 1.0
    assert breaker.begin_trial()
    breaker.withdraw_trial()
    assert (breaker.state, breaker.seconds_to_trial()) == ("open", 0.0)
    assert breaker.begin_trial()


def test_the_pause_doubles_up_to_a_minute_and_only_a_call_that_succeeds_makes_it_short_again() -> None:
    clock = Clock()
    breaker = opened(clock)
    pauses = []
    for _ in range(8):
        pauses.append(breaker.seconds_to_trial())
        clock.now += breaker.seconds_to_trial()
        assert breaker.begin_trial()
        breaker.fail()
        assert breaker.state == "open"
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    clock.now += 60
    assert breaker.begin_trial()
    breaker.pass_trial()
    breaker.fail()
    assert (breaker.state, breaker.seconds_to_trial()) == ("open", 60)
    clock.now += 60
    assert breaker.begin_trial()
    breaker.pass_trial()
    breaker.succeed()
    breaker.fail()
    assert breaker.state == "closed"
    breaker.fail()
    breaker.fail()
    assert (breaker.state, breaker.seconds_to_trial()) == ("open", 1)


def test_a_call_that_ends_while_the_breaker_is_open_does_not_close_it() -> None:
    breaker = opened(Clock())
    breaker.succeed()
    assert breaker.state == "open"


def test_a_failure_halves_the_limit_and_each_round_of_calm_calls_adds_about_one() -> None:
    limit = AdaptiveLimit(16, target_seconds=1)
    limit.failed(period=limit.period)
    assert limit.size == 8
    for _ in range(9):
        limit.answered(0.5, period=limit.period)
    assert limit.size == 9
    for _ in range(500):
        limit.answered(1.0, period=limit.period)
    assert limit.size == 16


def test_calls_that_were_under_way_together_cut_the_limit_once() -> None:
    limit = AdaptiveLimit(16, target_seconds=1)
    began = limit.period
    for _ in range(16):
        limit.failed(period=began)
    assert limit.size == 8
    limit.failed(period=limit.period)
    assert limit.size == 4


@pytest.mark.parametrize(("most", "left"), [(20, 18), (1, 1)])
def test_a_slow_first_piece_takes_a_tenth_and_never_the_last_call(most: int, left: int) -> None:
    limit = AdaptiveLimit(most, target_seconds=1)
    limit.answered(1.5, period=limit.period)
    assert limit.size == left
    for _ in range(50):
        limit.failed(period=limit.period)
    assert limit.size == 1
