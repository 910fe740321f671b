"""What the package needs beyond its core, by the name of the extra that brings it."""

from importlib.util import find_spec

#: Top-level modules that each extra of pyproject.toml brings.
EXTRAS = {
    "training": ("torch", "tqdm"),
    "fast": ("numba", "llvmlite"),
    "report": ("yaml", "jinja2", "markupsafe", "matplotlib", "seaborn", "IPython", "PIL"),
}


def require(part: str, extra: str) -> None:
    """Raise ImportError unless all that `extra` brings is installed.

    Parameters
    ----------
    part : str
        What needs it, for the message.
    extra : str
        One of `EXTRAS`.

    Raises
    ------
    ImportError
        One line that names the missing libraries and the extra.
    """
    missing = [name for name in EXTRAS[extra] if find_spec(name) is None]
    if missing:
        raise ImportError(
            f"{part} needs {', '.join(missing)}, which the extra '{extra}' brings: "
            f"pip install 'rnnschur[{extra}]'"
        )
