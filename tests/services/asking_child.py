"""A process of its own that answers one question with a slow model when it is told to, and says what that cost.

Run as `python -m tests.services.asking_child DATA_DIR WORKSPACE`; prints "ready", waits for a line, then prints JSON.
"""

import json
import sys
from collections.abc import Iterator
from typing import Any

from app.container import OPERATOR, open_services
from app.domain.answers import Mode
from app.domain.ids import WorkspaceId
from app.pipeline.model_answering import AnswerWriter
from app.settings import load_settings
from backends.embeddings.hashing import HashingEmbedder
from backends.embeddings.settings import HashingEmbedderSettings
from backends.llm.scripted import ScriptedLanguageModel
from backends.llm.settings import ScriptedAnswer, ScriptedSettings
from tests.services.asking import ask

MADE = "Warfarin interacts with amiodarone [1]."


class Counted(ScriptedLanguageModel):
    calls = 0

    def stream(self, *arguments: Any, **options: Any) -> Iterator[Any]:
        self.calls += 1
        return super().stream(*arguments, **options)


def main() -> None:
    folder, workspace_id = sys.argv[1:]
    services = open_services(load_settings(data_dir=folder, embeddings={"kind": "hashing"}, llm={"kind": "none"}))
    answerer: Any = services.questions._answerer._answerer
    model = Counted(ScriptedSettings(answers=(ScriptedAnswer(text=MADE),), seconds_per_piece=0.4))
    writer = AnswerWriter(
        model,
        info=model.describe(),
        parser=answerer._retriever._parser,
        embedder=HashingEmbedder(HashingEmbedderSettings()),
    )
    answerer._find_writer = lambda: writer
    services.warm_up()
    print("ready", flush=True)
    sys.stdin.readline()
    answer = ask(services, OPERATOR, WorkspaceId(workspace_id), mode=Mode.RAG)
    said = [sentence.text for sentence in answer.sentences]
    print(json.dumps({"calls": model.calls, "kept": answer.kept_at is not None, "said": said}), flush=True)
    services.close()


if __name__ == "__main__":
    main()
