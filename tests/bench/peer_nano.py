"""nano-graphrag 0.0.8.2 as its README uses it, run by the interpreter of its own environment; see tests.bench.peers.

Reads one line of JSON with url, folder, documents, questions and max_async (0: its default). Prints one when everything
is indexed and, after another line of input, one when the questions are answered.
"""

import json
import sys
import time
from typing import Any

import numpy as np
from nano_graphrag import GraphRAG, QueryParam  # type: ignore[import-not-found]
from nano_graphrag._utils import wrap_embedding_func_with_attrs  # type: ignore[import-not-found]
from openai import AsyncOpenAI


def main(job: dict[str, Any]) -> None:
    client = AsyncOpenAI(base_url=job["url"], api_key="none", timeout=3_600, max_retries=0)

    async def complete(
        prompt: str,
        system_prompt: str | None = None,
        history_messages: list[dict[str, str]] | None = None,
        **options: Any,
    ) -> str:
        """With the cache of answers, as its own functions have it."""
        from nano_graphrag._utils import compute_args_hash

        kept = options.pop("hashing_kv", None)
        messages: list[Any] = [{"role": "system", "content": system_prompt}] if system_prompt else []
        messages += [*(history_messages or []), {"role": "user", "content": prompt}]
        key = compute_args_hash(job["model"], messages)
        if kept is not None and (found := await kept.get_by_id(key)) is not None:
            return str(found["return"])
        answer = await client.chat.completions.create(model=job["model"], messages=messages, **options)
        text = answer.choices[0].message.content or ""
        if kept is not None:
            await kept.upsert({key: {"return": text, "model": job["model"]}})
            await kept.index_done_callback()
        return text

    @wrap_embedding_func_with_attrs(embedding_dim=256, max_token_size=8192)  # type: ignore[untyped-decorator]
    async def embed(texts: list[str]) -> "np.ndarray[Any, Any]":
        answer = await client.embeddings.create(model=job["model"], input=texts, encoding_format="float")
        return np.array([one.embedding for one in answer.data])

    limits = {"best_model_max_async": job["max_async"], "cheap_model_max_async": job["max_async"]}
    rag = GraphRAG(
        working_dir=job["folder"],
        best_model_func=complete,
        cheap_model_func=complete,
        embedding_func=embed,
        **(limits if job["max_async"] else {}),
    )
    texts = [text for _, text in job["documents"]]
    began = time.monotonic()
    rag.insert(texts)
    print(json.dumps({"seconds": time.monotonic() - began, "indexed": len(texts)}), flush=True)
    sys.stdin.readline()
    answers = [rag.query(question, param=QueryParam()) for question in job["questions"]]
    print(json.dumps({"answers": answers}), flush=True)


if __name__ == "__main__":
    main(json.loads(sys.stdin.readline()))
