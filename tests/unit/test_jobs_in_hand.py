"""Tests of which jobs the threads of a worker may do at the same time."""

from app.domain.ids import JobId
from app.services.jobs_in_hand import JobsInHand

A, B, C = JobId("a"), JobId("b"), JobId("c")


def test_a_job_is_in_one_hand_only_and_free_again_after_it() -> None:
    jobs = JobsInHand()
    with jobs.take(A, suspected=False) as first, jobs.take(A, suspected=False) as second:
        assert (first, second) == (True, False)
        with jobs.take(A, suspected=True) as third:
            assert not third
    with jobs.take(A, suspected=False) as again:
        assert again


def test_one_suspected_job_is_done_at_a_time_and_others_beside_it() -> None:
    jobs = JobsInHand()
    with jobs.take(A, suspected=True) as first, jobs.take(B, suspected=True) as second:
        assert (first, second) == (True, False)
        with jobs.take(C, suspected=False) as other:
            assert other
        with jobs.take(B, suspected=True) as still:
            assert not still
    with jobs.take(B, suspected=True) as later:
        assert later
