#!/bin/sh
# Tell Snakemake how a Slurm job is: success, failed or running.
state=$(squeue --noheader --states=all --format=%T --jobs="$1" 2>&1)
case $state in
COMPLETED) echo success ;;
PENDING | CONFIGURING | RUNNING | COMPLETING | SUSPENDED) echo running ;;
*"Invalid job id"*) echo failed ;; # ended so long ago that Slurm has forgotten it
slurm_load_jobs* | squeue:*) echo running ;; # Slurm does not answer: ask again
*) echo failed ;;
esac
