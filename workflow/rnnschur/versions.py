"""What a result was computed with."""

import platform
from importlib.metadata import PackageNotFoundError, version

LIBRARIES = ("numpy", "scipy", "torch", "numba", "llvmlite", "pandas", "safetensors", "snakemake")


def versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that decide a number, and the machine."""
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            found[library] = "not installed"
    return found
