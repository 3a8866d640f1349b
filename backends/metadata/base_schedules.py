"""The record set that says when what is done again and again was done last: by its jobs."""

from abc import ABC, abstractmethod
from datetime import datetime, timedelta

from app.domain.jobs import Job


class ScheduleRecords(ABC):
    @abstractmethod
    def add(self, job: Job, *, every: timedelta, since: datetime) -> bool:
        """Add the job where its kind is due, created now; False where it is not. Of any number that ask at once one
        adds it.

        It is due when no job of its kind is open, and none was created, nor did its time begin with `since`, within
        `every`. However often it was missed it is due once. The clock is the database's; a time over an hour
        ahead of it was written before that clock was set back, and counts for nothing.
        """
