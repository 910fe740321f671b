"""The command line: ``rnnschur import`` and ``rnnschur diagnose``."""

from __future__ import annotations

from pathlib import Path

import click

from rnnschur import tensors
from rnnschur.diagnosis import diagnose
from rnnschur.given import Given
from rnnschur.metrics import METRICS

#: Columns of a table that fit on a screen.
SHOWN = ["matrix", "alpha", "leading", "gauge", "removed", "value", "removed_mass"]
SHOWN += ["rollout_difference", "verdict"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main():
    """Ordered real Schur diagnosis of a trained recurrent network."""


@main.command("import", short_help="Check a network and write one file.")
@click.argument("network", type=click.Path(path_type=Path))
@click.option("--output", type=click.Path(path_type=Path), help="[default: beside NETWORK]")
def import_network(network: Path, output: Path | None):
    """Check NETWORK, a network.yaml, against its authors' code, and write one safetensors file."""
    given = _read(network)
    output = output or network.with_suffix(".safetensors")
    if output.suffix != ".safetensors":
        raise click.ClickException(f"--output is {output}; allowed: a name in .safetensors")
    if output.resolve() in [(network.parent / name).resolve() for name in given.sources]:
        raise click.ClickException(f"{output} is what the network comes from; give --output")
    for number, difference in enumerate([] if given.differences is None else given.differences):
        click.echo(f"output {number}: difference {difference:.2g} standard deviations")
    click.echo(given.network.checked)
    _written(output, given.save)


@main.command("diagnose", short_help="Print the table of a network and save it.")
@click.argument("network", type=click.Path(path_type=Path))
@click.option("--alpha", "alphas", multiple=True, type=float, help="Threshold, one or several.")
@click.option("--metric", type=click.Choice(list(METRICS)), help="[default: NETWORK's]")
@click.option("--output", type=click.Path(path_type=Path), help="[default: beside NETWORK, .csv]")
def diagnose_network(network: Path, alphas: tuple[float, ...], metric, output: Path | None):
    """Diagnose NETWORK, a network.yaml or an imported file: print the table, and save it."""
    given = _read(network)
    try:
        table = diagnose(given.network, given.batch, metric or given.metric, alphas or 0.9)
    except ValueError as error:
        raise click.ClickException(f"{network}: {error}") from None
    shown = table[[name for name in SHOWN if name in table]]
    click.echo(shown.to_string(index=False, float_format="{:.4g}".format))
    click.echo(f"{metric or given.metric}; {given.network.checked}")
    output = output or network.with_suffix(".csv")
    _written(output, lambda path: tensors.whole_file(path, lambda t: table.to_csv(t, index=False)))


def _read(path: Path) -> Given:
    """Read a network, what is wrong with it in one line."""
    try:
        return Given.read(path)
    except (ValueError, OSError) as error:
        raise click.ClickException(str(error)) from None


def _written(path: Path, write) -> None:
    """Write a file and say so."""
    try:
        write(path)
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}") from None
    click.echo(f"wrote {path}")
