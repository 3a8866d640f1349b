"""Questions asked through the services, and what is kept of their answers."""

from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from app.container import Services
from app.domain.access import Actor
from app.domain.answers import Answer
from app.domain.ids import WorkspaceId
from backends.cache.base import Layer
from backends.sql.engine import Database

QUESTION = "What does warfarin interact with?"


def ask(services: Services, actor: Actor, workspace_id: WorkspaceId, text: str = QUESTION, **how: Any) -> Answer:
    *_, answer = services.questions.ask(actor, workspace_id=workspace_id, text=text, **how)
    return answer


def content(answer: Answer) -> Answer:
    return replace(answer, timings={}, kept_at=None)


def kept_keys(services: Services, layer: Layer) -> list[str]:
    database = Database(services.settings.data_dir / "dafe.db", key=services.keys.database)
    with database.read() as connection:
        keys = connection.execute(sa.text("SELECT key FROM cache")).scalars().all()
    database.close()
    return [key for key in keys if key.startswith(f"{layer}/")]
