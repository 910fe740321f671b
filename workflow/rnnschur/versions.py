"""What a result was computed with."""

import platform
from importlib.metadata import PackageNotFoundError, version

LIBRARIES = ("numpy", "scipy", "torch", "numba", "llvmlite", "pandas", "safetensors", "snakemake")


def versions() -> dict[str, str]:
    """Return what decides the last bits: Python, libraries and processor."""
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            found[library] = "not installed"
    try:
        from llvmlite.binding import get_host_cpu_name

        found["processor"] = get_host_cpu_name()
    except ImportError:
        found["processor"] = platform.processor()
    return found


def changes(recorded: dict[str, str]) -> list[str]:
    """Return what differs from recorded versions, such as ``processor is znver3, was znver4``."""
    now = versions()
    return [
        f"{name} is {now.get(name)}, was {recorded.get(name)}"
        for name in {**now, **recorded}
        if now.get(name) != recorded.get(name)
    ]
