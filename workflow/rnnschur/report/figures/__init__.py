"""The figures: each function draws one from tidy tables or arrays and returns it."""

from rnnschur.report.figures.ablations import (
    ablation_profile,
    criterion,
    paper_values,
    thresholds,
)
from rnnschur.report.figures.activity import energy, linearity, response
from rnnschur.report.figures.curves import verdict_curves
from rnnschur.report.figures.dial import dial
from rnnschur.report.figures.distances import changes, distances
from rnnschur.report.figures.drivers import drivers
from rnnschur.report.figures.eigenvalues import phases, planted
from rnnschur.report.figures.matched import matched
from rnnschur.report.figures.method import example, method
from rnnschur.report.figures.networks import (
    conditioning,
    learning_curves,
    orders,
    schur_matrix,
    spectra,
)
from rnnschur.report.figures.profile import profile
from rnnschur.report.figures.removable import blocks, rankings, removable
from rnnschur.report.figures.robustness import borders, graded, readout, shift
from rnnschur.report.figures.rollouts import rollouts
from rnnschur.report.figures.style import (
    COLUMN,
    NAMES,
    ORDER,
    TEXT,
    condition_grid,
    coupling_strip,
    grid,
    save,
    show,
    title,
    use_style,
)
from rnnschur.report.figures.summary import summary
from rnnschur.report.figures.verdicts import ledger, search, search_claims

__all__ = [
    "COLUMN",
    "NAMES",
    "ORDER",
    "TEXT",
    "ablation_profile",
    "blocks",
    "borders",
    "changes",
    "condition_grid",
    "conditioning",
    "coupling_strip",
    "criterion",
    "dial",
    "distances",
    "drivers",
    "energy",
    "example",
    "graded",
    "grid",
    "learning_curves",
    "ledger",
    "linearity",
    "matched",
    "method",
    "orders",
    "paper_values",
    "phases",
    "planted",
    "profile",
    "rankings",
    "readout",
    "removable",
    "response",
    "rollouts",
    "save",
    "schur_matrix",
    "search",
    "search_claims",
    "shift",
    "show",
    "spectra",
    "summary",
    "thresholds",
    "title",
    "use_style",
    "verdict_curves",
]
