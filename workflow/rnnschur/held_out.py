"""The held-out sets of a network: how far what is said of it depends on the draw of sequences."""

from __future__ import annotations

import pandas as pd

from rnnschur.findings import with_damage
from rnnschur.metrics import sensitivity
from rnnschur.tables import key_of


def measured(sets: pd.DataFrame, ablations: pd.DataFrame) -> pd.DataFrame:
    """Return all that depends on sequences, a row an ablation and set.

    Parameters
    ----------
    sets : pandas.DataFrame
        Rows of ablation_sets.csv or threshold_sets.csv.
    ablations : pandas.DataFrame
        Rows of ablations.csv or thresholds.csv: the removed mass, which depends on no sequences.

    Returns
    -------
    pandas.DataFrame
        The columns of `sets`, removed_mass, damage and sensitivity.
    """
    by = [*key_of(ablations), "alpha", "removed"]
    rows = with_damage(sets.merge(ablations[[*by, "removed_mass"]], on=by, validate="many_to_one"))
    return rows.assign(sensitivity=sensitivity(rows["damage"], rows["removed_mass"]))
