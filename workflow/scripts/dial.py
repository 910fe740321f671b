"""Lay what couplings cost beside the size of the states and beside what rotations cost."""

from pathlib import Path

from freshness import leave_record
from job import log
from rnnschur.report import figures
from rnnschur.tables import read

log(snakemake)

figures.use_style()
figure = figures.dial(
    read(snakemake.input.rotations),
    read(snakemake.input.borders),
    snakemake.params.bits,
    snakemake.params.alpha,
    snakemake.params.criterion["epsilon"],
)
figures.save(figure, Path(snakemake.output.picture[0]).with_suffix(""))
leave_record(snakemake)
