"""Only the rendering of a study, from tables and weights that are there."""


include: "common.smk"
include: "histories.smk"
include: "schur.smk"
include: "report.smk"
