"""The child process in which llama.cpp serves one GGUF file on a loopback port; it ends with its parent.

Run as `python -m backends.llm.llamacpp_child`. Standard input carries one JSON line (path, alias, threads,
window_tokens, api_key) and then stays open as long as the parent lives; standard output carries one JSON line back,
{"url": ...} or {"error": "missing" | "unreadable"}.
"""

import json
import os
import select
import signal
import sys
import threading
from typing import Any

_LOOK_SECONDS = 2.0


def main() -> int:
    # llama.cpp writes where it likes, even prompts: only our own line may reach the parent.
    answer_to_parent = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    # Ctrl-C in a terminal reaches children too, and a request may be running: the parent decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    request = json.loads(sys.stdin.buffer.readline())
    watch = threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True)
    watch.start()
    try:
        import xllamacpp
    except ModuleNotFoundError:
        _tell(answer_to_parent, {"error": "missing"})
        return 1
    try:
        server = xllamacpp.Server(_parameters(xllamacpp.CommonParams(), request))
    except (RuntimeError, ValueError, OSError):
        _tell(answer_to_parent, {"error": "unreadable"})
        return 1
    _tell(answer_to_parent, {"url": server.listening_address})
    watch.join()
    return 0


def free_cores(cores: int, load: float) -> int:
    """More threads than free cores make llama.cpp slower, because its threads wait for each other in busy loops."""
    return max(1, cores - round(load))


def _parameters(parameters: Any, request: dict[str, Any]) -> Any:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = request["threads"] or free_cores(cores, os.getloadavg()[0])
    parameters.model.path = request["path"]
    parameters.model_alias = {request["alias"]}
    parameters.cpuparams.n_threads = threads
    parameters.cpuparams_batch.n_threads = threads
    parameters.n_ctx = request["window_tokens"]
    parameters.n_parallel = 1
    parameters.fit_params = False
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.api_keys = [request["api_key"]]
    parameters.offline = True
    parameters.ui = False
    parameters.endpoint_slots = True
    parameters.cache_ram_mib = 0
    # A sign of life without a token would hide a model that is stuck.
    parameters.sse_ping_interval = -1
    parameters.verbosity = -1
    return parameters


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        readable, _, _ = select.select([sys.stdin.buffer], [], [], _LOOK_SECONDS)
        if readable and not sys.stdin.buffer.read(1):
            break
    # An orderly end would wait for the request that is running.
    os._exit(0)


def _tell(descriptor: int, answer: dict[str, str]) -> None:
    os.write(descriptor, json.dumps(answer).encode() + b"\n")
    os.close(descriptor)


if __name__ == "__main__":
    sys.exit(main())
