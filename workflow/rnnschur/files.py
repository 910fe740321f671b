"""Files on disk, whole or not at all: whoever finds a file under its name finds all of it."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def whole_file(path: str | Path, write: Callable[[Path], object]) -> None:
    """Call `write` with a temporary path and rename the file to `path` once it is complete.

    A writer that is interrupted leaves nothing under `path`, and what stood there before stays; nor
    does a loss of power cut the file off, which is on the disk before it has its name.

    Raises
    ------
    OSError
        If it cannot be written, because the disk is full, say; the message names the file.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(temporary)
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    except OSError as error:
        if error.errno is None:  # a library's own
            raise OSError(f"{path}: {error}") from error
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write a text in UTF-8, whole or not at all."""
    whole_file(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
