"""LightRAG 1.5.7 as its SDK is used, run by the interpreter of its own environment; see tests.bench.peers.

Reads one line of JSON with url, folder, documents and questions. Prints one when everything is indexed and, after
another line of input, one when the questions are answered. Its settings come from the environment, as its own do.
"""

import asyncio
import json
import sys
import time
from functools import partial
from typing import Any

from lightrag import LightRAG, QueryParam  # type: ignore[import-not-found]
from lightrag.llm.openai import openai_complete_if_cache, openai_embed  # type: ignore[import-not-found]
from lightrag.utils import EmbeddingFunc  # type: ignore[import-not-found]


async def run(job: dict[str, Any]) -> None:
    server = {"base_url": job["url"], "api_key": "none"}
    rag = LightRAG(
        working_dir=job["folder"],
        llm_model_name=job["model"],
        llm_model_func=partial(openai_complete_if_cache, job["model"], **server),
        embedding_func=EmbeddingFunc(
            embedding_dim=256,
            max_token_size=8192,
            func=partial(openai_embed.func, model=job["model"], **server),
        ),
    )
    await rag.initialize_storages()
    began = time.monotonic()
    names, texts = zip(*job["documents"], strict=True)
    await rag.ainsert(list(texts), file_paths=list(names))
    seconds = time.monotonic() - began
    done = await rag.doc_status.get_status_counts()
    print(json.dumps({"seconds": seconds, "indexed": done.get("processed", 0)}), flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    answers = [str(await rag.aquery(question, param=QueryParam())) for question in job["questions"]]
    print(json.dumps({"answers": answers}), flush=True)
    await rag.finalize_storages()


if __name__ == "__main__":
    asyncio.run(run(json.loads(sys.stdin.readline())))
