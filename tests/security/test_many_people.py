"""Many people at once in the running application, while documents are added: everybody gets their own pages."""

import asyncio
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from random import Random

import pytest

from app.installation import open_installation
from tests.bench.loaded import Cost, Crowd, Indexing
from tests.bench.visits import PAGES, Seen, Visit, Visitor
from tests.security.running import running

pytestmark = [pytest.mark.server, pytest.mark.timeout(300)]
PEOPLE, ROUNDS = 10, 2
MOST_MEGABYTES_A_SESSION = 10.0
"""Some two are usual; the process also grows by what it reads for the first questions."""


async def walk(address: str, visitors: list[Visitor], seen: Seen, *, rounds: int) -> None:
    """Everybody in a tab of their own goes through all pages at once."""
    async with AsyncExitStack() as stack:
        visits = []
        for number, visitor in enumerate(visitors):
            visit = Visit(address, visitor, think_seconds=0.05, random=Random(number))
            visit.seen = seen
            visits.append(visit)
            await stack.enter_async_context(visit.tab)
        await asyncio.gather(*(visit.walk(rounds=rounds) for visit in visits))


def test_everybody_gets_their_own_pages_and_nothing_of_anybody_else(tmp_path: Path) -> None:
    crowd = Crowd(people=PEOPLE, workspaces=5)
    with ExitStack() as stack:
        started = stack.enter_context(running(tmp_path, crowd.prepare))
        indexing = Indexing(open_installation(started.settings, stack).metadata)
        indexing.wait_for(indexing.all(), seconds=120)
        web = started.pid_of("app.asgi")
        visitors = crowd.sign_in(started.address, PEOPLE)
        asyncio.run(walk(started.address, visitors[:1], Seen(), rounds=1))
        before, indexed = Cost.of(web).megabytes, indexing.done()
        seen = Seen()
        with indexing.busy(started, crowd, sentences=20):
            asyncio.run(walk(started.address, visitors, seen, rounds=ROUNDS))
            indexing.wait_for(indexed + 1, seconds=60)
        assert seen.wrong == []
        rounds = PEOPLE * ROUNDS
        assert seen.done == dict.fromkeys([*PAGES, "questions", "expansions"], rounds)
        assert len(seen.answered_seconds) == rounds
        assert (Cost.of(web).megabytes - before) / PEOPLE < MOST_MEGABYTES_A_SESSION
        assert "error" not in started.log.read_text().replace("log.level", "")
