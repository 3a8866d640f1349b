"""Builds and checks the embedded models; make setup runs it, dafe up finds them ready."""

import sys

from app.errors import DafeError
from app.settings import default_model_dir
from backends.embeddings.onnx_build import build_embedding_model


def main() -> int:
    """Exit code 0 when everything is there and as published, else 1 after one sentence."""
    from app.pipeline.parsing import check_language_package

    try:
        build_embedding_model(default_model_dir())
        check_language_package()
    except DafeError as error:
        print(error.message, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
