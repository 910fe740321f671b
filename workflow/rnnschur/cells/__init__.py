"""The cells: how the state of a recurrent network moves from one step to the next.

Every module here but `base` is a cell under its own name. To add one, write a module whose class
``Cell`` derives from `CellBase`.
"""

from rnnschur.cells.base import CONSTRAINTS, ENGINES, CellBase, Recurrent
from rnnschur.options import load, plugins

__all__ = ["CELLS", "CONSTRAINTS", "ENGINES", "CellBase", "Recurrent", "make", "trained"]

CELLS = plugins(__path__)


def make(name: str, **options) -> CellBase:
    """Return the cell `name` with the given options.

    Raises
    ------
    ValueError
        For a cell that is not in `CELLS`, or an option that is unknown, missing or out of range.
    """
    return load("cell", "rnnschur.cells", CELLS, name).Cell.checked(options)


def trained(name: str) -> CellBase:
    """Return the cell `name` as a study trains it: by default, its recurrent weight a W_hh.

    Raises
    ------
    ValueError
        As `make`, or for a cell with several recurrent weights, which no start fills, or with an
        option that has no default.
    """
    cell = make(name)
    if cell.recurrent != ("W_hh",):
        raise ValueError(
            f"cell is {name!r}, its recurrent weights {', '.join(cell.recurrent)}; allowed to be "
            "trained: W_hh alone"
        )
    cell.check({})
    return cell
