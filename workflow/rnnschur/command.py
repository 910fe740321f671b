"""The command line: ``rnnschur import`` and ``rnnschur diagnose``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click
import pandas as pd

from rnnschur import __version__, given, imported
from rnnschur.diagnosis import controls, diagnose
from rnnschur.interventions import FAMILIES
from rnnschur.metrics import METRICS
from rnnschur.tables import write

#: Columns of a table that fit on a screen.
SHOWN = ["network", "matrix", "alpha", "leading", "gauge", "removed", "value", "removed_mass"]
SHOWN += ["rollout_difference", "verdict"]

#: Labels of interventions in words.
LABELS = ("matrix", "control", "order", "gauge")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(prog)s %(version)s")
def main():
    """Ordered real Schur diagnosis of a trained recurrent network."""


@main.command("import", short_help="Check networks, and write one file of each.")
@click.argument(
    "files", metavar="NETWORK...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option("--output", type=click.Path(path_type=Path), help="[default: beside NETWORK]")
def import_networks(files: tuple[Path, ...], output: Path | None):
    """Check NETWORK, a network.yaml, against its authors' code, and write one safetensors file."""
    if output is not None and len(files) > 1:
        raise click.ClickException(f"--output is for one network; there are {len(files)}")
    for file in files:
        _import(file, output or file.with_suffix(".safetensors"))


def _import(file: Path, output: Path) -> None:
    """Import what one file describes."""
    networks = _read(file)
    if output.suffix != ".safetensors":
        raise click.ClickException(f"--output is {output}; allowed: a name in .safetensors")
    if output.resolve() in [(file.parent / name).resolve() for name in networks[0].sources]:
        raise click.ClickException(f"{output} is what the network comes from; give --output")
    for index, network in enumerate(networks):
        which = f"network {index}, " if len(networks) > 1 else ""
        found = [] if network.differences is None else network.differences
        for number, difference in enumerate(found):
            click.echo(f"{which}output {number}: difference {difference:.2g} standard deviations")
        click.echo(f"{which}{network.network.checked}")
    _written(output, lambda path: imported.save(path, networks))


@main.command("diagnose", short_help="Print the table of a network and save it.")
@click.argument("network", type=click.Path(path_type=Path))
@click.option("--alpha", "alphas", multiple=True, type=float, help="Threshold, one or several.")
@click.option("--metric", type=click.Choice(list(METRICS)), help="[default: NETWORK's]")
@click.option("--controls", "controlled", is_flag=True, help="Other interventions, too.")
@click.option("--output", type=click.Path(path_type=Path), help="[default: beside NETWORK, .csv]")
def diagnose_network(network: Path, alphas, metric, controlled: bool, output: Path | None):
    """Diagnose NETWORK, a network.yaml or an imported file: print the table, and save it.

    With --controls every other family of interventions follows, a table beside the first for each:
    exact symmetries, which must change nothing; orders of blocks, which are convention; and so on.
    """
    networks = _read(network)
    metric, alphas = metric or networks[0].metric, alphas or (0.9,)
    output = output or network.with_suffix(".csv")
    tables = []
    for index, one in enumerate(networks):
        try:
            tables.append(diagnose(one.network, one.batch, metric, alphas))
        except ValueError as error:
            which = f"network {index}: " if len(networks) > 1 else ""
            raise click.ClickException(f"{network}: {which}{error}") from None
    table = _together(tables)
    shown = table[[name for name in SHOWN if name in table]]
    click.echo(shown.to_string(index=False, float_format="{:.4g}".format))
    for note, rows in table[table["note"] != ""].groupby("note", sort=False):
        click.echo(f"{', '.join(dict.fromkeys(rows['removed']))}: {note}")
    for checked in dict.fromkeys(table["checked"]):
        click.echo(f"{metric}; {checked}")
    _saved(output, table)
    others = [family for family in FAMILIES if family != "couplings"]
    for earlier in [output.with_suffix(f".{family}.csv") for family in others]:
        if earlier.exists():  # of another table
            earlier.unlink()
            click.echo(f"removed {earlier}, which an earlier run wrote")
    if controlled:
        found = [controls(one.network, one.batch, metric, alphas) for one in networks]
        for family in found[0]:
            rows = _together(tables[family] for tables in found)
            if len(rows):
                click.echo(f"{family}:\n{_spread(rows)}")
                _saved(output.with_suffix(f".{family}.csv"), rows)


def _together(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Return the tables of several networks as one, that of a single network as it is."""
    tables = list(tables)
    if len(tables) == 1:
        return tables[0]
    return pd.concat(dict(enumerate(tables)), names=["network"]).droplevel(1).reset_index()


def _spread(rows: pd.DataFrame) -> str:
    """Return the smallest and the largest rollout difference of each kind of intervention.

    Of matched controls, where the couplings lie among them.
    """
    words = [name for name in rows.select_dtypes(["object", "str"]) if name in LABELS]
    words += ["alpha"] if "alpha" in rows else []
    measure = "quantile" if "quantile" in rows else "rollout_difference"
    words += ["removed"] if "control" not in words or measure == "quantile" else []
    spread = rows.groupby(words, sort=False)[measure].agg(["min", "max"])
    spread = spread.rename(columns=f"{{}} {measure.replace('_', ' ')}".format).reset_index()
    return spread.to_string(index=False, float_format="{:.2g}".format)


def _saved(path: Path, table: pd.DataFrame) -> None:
    """Write a table."""
    _written(path, lambda file: write(table, file))


def _read(path: Path) -> list[imported.Given]:
    """Read networks, what is wrong with them in one line."""
    try:
        return given.load(path)
    except (ValueError, OSError) as error:
        raise click.ClickException(str(error)) from None


def _written(path: Path, write) -> None:
    """Write a file and say so."""
    try:
        write(path)
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}") from None
    click.echo(f"wrote {path}")
