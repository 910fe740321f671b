"""Gather the rows of all blocks into one table a kind."""

import sys

from rnnschur.behaviour import METRICS, has_learned
from rnnschur.stabilizers import verdict
from rnnschur.tables import NETWORK, gather

sys.stdout = sys.stderr = open(snakemake.log[0], "w", buffering=1)


def network_table(ablations, histories, spectra, nonnormality):
    """Return one row a network: how it was trained and what its recurrent matrix is like."""
    table = ablations[ablations["removed"] == "none"].set_index(NETWORK)[
        ["metric", "value", "leading"]
    ]
    thresholds = table.index.get_level_values("task").map(snakemake.params.learned)
    table.insert(0, "learned", has_learned(table["metric"], table["value"], thresholds))
    last = histories.groupby(NETWORK).last()
    table["updates"] = last["update"]
    table["final_loss"] = last["loss"]
    accurate = table["metric"].map(lambda metric: METRICS[metric][1] < 0)
    perfect = histories[histories["value"] == 1].groupby(NETWORK)["update"].first()
    table["first_perfect"] = perfect.reindex(table.index).where(accurate)
    table["spectral_radius"] = spectra.groupby(NETWORK)["modulus"].max()
    for coupling in ("RR", "CR", "CC"):
        removed = ablations[ablations["removed"] == coupling].set_index(NETWORK)
        table[f"mass_{coupling}"] = removed["removed_mass"]
    return table.join(nonnormality.set_index(NETWORK))


histories = gather(snakemake.input.histories)
spectra = gather(snakemake.input.spectra)
ablations = gather(snakemake.input.ablations)
nonnormality = gather(snakemake.input.nonnormality)
networks = network_table(ablations, histories, spectra, nonnormality)

networks.reset_index().to_csv(snakemake.output.networks, index=False)
histories.to_csv(snakemake.output.histories, index=False)
spectra.to_csv(snakemake.output.spectra, index=False)
learned = networks["learned"]
for kind, table in (
    ("ablations", ablations),
    ("thresholds", gather(snakemake.input.thresholds)),
):
    table["verdict"] = verdict(
        table["rollout_difference"], table["removed_mass"], **snakemake.params.criterion
    )
    table = table.merge(learned, left_on=NETWORK, right_index=True)
    table.to_csv(snakemake.output[kind], index=False)
for kind in ("symmetries", "orders"):
    table = gather(snakemake.input[kind])
    table = table.merge(learned, left_on=NETWORK, right_index=True)
    table.to_csv(snakemake.output[kind], index=False)
