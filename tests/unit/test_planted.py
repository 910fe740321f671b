"""Planted Schur forms: closed forms of what is trained, and what of it is stored and found."""

import numpy as np
import pytest
import torch

from rnnschur import Network, architectures, tasks, tensors, weights
from rnnschur.coordinates import planted
from rnnschur.coordinates.nonnormality import henrici_departure
from rnnschur.coordinates.schur import ordered_real_schur
from rnnschur.coordinates.sectors import Sectors
from rnnschur.streams import Identity
from rnnschur.training import Schedule, train
from rnnschur.training.module import build

COPY = tasks.make("copy", symbols=2, symbol_size=2, replays=3, judged_symbols=12)
SCHEDULE = Schedule(
    updates=200, batch=8, learning_rate=1e-2, gradient_clip=1.0, input_scale=1.0, record_every=100,
    monitored=8,
)  # fmt: skip


def network(width, seed=0):
    """Return a network whose planted parts are anything, float64."""
    generator = torch.Generator().manual_seed(seed)
    made = build(architectures.of("nnrnn"), (3, width, 2), generator).double()
    with torch.no_grad():
        for parameter in made.parametrizations.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.double))
    return made


def trained(engine="fast", width=10):
    identity = Identity("copy", "nnrnn", width, 0)
    return train(identity, COPY, architectures.of("nnrnn"), SCHEDULE, 11, engine)[0]


def assembled(parts):
    """Return P (D + T) P^T, block by block."""
    P, gamma, theta, T = (parts[f"W_hh.{name}"] for name in ("P", "gamma", "theta", "T"))
    middle = T.copy()
    for k, radius in enumerate(gamma):
        rows = slice(2 * k, 2 * k + 2)
        if k < len(theta):
            cos, sin = np.cos(theta[k]), np.sin(theta[k])
            middle[rows, rows] += radius * np.array([[cos, -sin], [sin, cos]])
        else:
            middle[rows, rows] += radius
    return P @ middle @ P.T


@pytest.mark.parametrize("width", [1, 2, 7, 10])
def test_eigenvalues_are_those_that_were_planted(width):
    made = network(width)
    parts = {name: part.detach().numpy() for name, part in made.parts().items()}
    gamma, theta = parts["W_hh.gamma"], parts["W_hh.theta"]
    pairs = gamma[: width // 2] * np.exp(1j * theta)
    expected = np.concatenate([pairs, pairs.conj(), gamma[width // 2 :]])
    found = np.linalg.eigvals(made.W_hh.detach().numpy())
    distances = np.abs(found[:, None] - expected)
    assert distances.min(axis=0).max() < 1e-8 and distances.min(axis=1).max() < 1e-8
    np.testing.assert_allclose(np.prod(found), np.prod(expected), rtol=1e-9)


@pytest.mark.parametrize("width", [1, 7, 10])
def test_the_matrix_is_assembled_from_its_parts(width):
    made = network(width)
    parts = {name: part.detach().numpy() for name, part in made.parts().items()}
    np.testing.assert_allclose(made.W_hh.detach().numpy(), assembled(parts), atol=1e-12)
    P, T = parts["W_hh.P"], parts["W_hh.T"]
    np.testing.assert_allclose(P @ P.T, np.eye(width), atol=1e-13)
    block = np.arange(width) // 2
    above = block[:, None] < block
    assert not T[~above].any() and T[above].all()


@pytest.mark.parametrize("width", [7, 8])
def test_it_starts_orthogonal_with_phases_all_round(width):
    W = build(architectures.of("nnrnn"), (3, width, 2), torch.Generator().manual_seed(1)).W_hh
    np.testing.assert_allclose((W @ W.T).detach(), np.eye(width), atol=1e-6)
    wide = build(architectures.of("nnrnn"), (3, 400, 2), torch.Generator().manual_seed(1))
    theta = wide.parts()["W_hh.theta"].detach().numpy()
    assert abs(np.mean(np.exp(1j * theta))) < 0.2 and np.ptp(theta) > 6


def test_gradients_are_those_of_finite_differences():
    made = network(5)
    chain = made.parametrizations.W_hh
    parameters = [getattr(chain, f"original{i}").detach().requires_grad_() for i in range(4)]
    assert torch.autograd.gradcheck(chain[0], parameters)


@pytest.mark.parametrize("engine", ["fast", "reference"])
def test_after_training_the_basis_is_orthogonal_and_the_parts_are_those_of_the_matrix(engine):
    found = trained(engine)
    P = found["W_hh.P"]
    assert np.abs(P @ P.T - np.eye(10)).max() < 1e-6
    np.testing.assert_allclose(found["W_hh"], assembled(found), atol=1e-6)
    start = build(architectures.of("nnrnn"), (2, 10, 2), torch.Generator().manual_seed(0)).parts()
    assert np.abs(found["W_hh.gamma"] - 1).max() > 0.01 and np.abs(found["W_hh.T"]).max() > 0.01
    assert found["W_hh.theta"].shape == tuple(start["W_hh.theta"].shape)
    eigenvalues = np.linalg.eigvals(found["W_hh"].astype(float))
    expected = np.repeat(np.abs(found["W_hh.gamma"]), 2)
    np.testing.assert_allclose(np.sort(np.abs(eigenvalues)), np.sort(expected), atol=1e-4)


def test_other_architectures_have_no_parts():
    for start in ("default", "cayley"):
        made = build(architectures.of(start), (3, 6, 2), torch.Generator())
        assert made.parts() == {}


def test_readers_take_the_weights_and_the_parts_are_there_for_who_asks(tmp_path):
    found = trained()
    path = tmp_path / "seeds3-4.safetensors"
    stacks = {name: np.stack([weight, weight]) for name, weight in found.items()}
    tensors.save(path, {**stacks, "seed": np.array([3, 4])})
    networks, parts = weights.load_networks(path), weights.load_parts(path)
    assert list(networks) == list(parts) == [3, 4]
    assert set(networks[3].weights) == {"W_hh", "W_xh", "W_hy"}
    assert set(parts[4]) == {f"W_hh.{name}" for name in ("P", "gamma", "theta", "T")}
    assert parts[4]["W_hh.T"].tobytes() == found["W_hh.T"].tobytes()
    tensors.save(path, weights.stacked(networks))
    assert weights.load_parts(path) == {3: {}, 4: {}}
    stacks["W_xy.T"] = stacks.pop("W_hh.T")
    tensors.save(path, {**stacks, "seed": np.array([3, 4])})
    with pytest.raises(ValueError, match=r"seeds3-4.safetensors has W_xy.T; it must hold W_hh, "):
        weights.load_networks(path)


@pytest.mark.parametrize("width", [1, 7, 10])
def test_found_moduli_and_masses_are_the_planted_ones(width):
    made = network(width, seed=2)
    parts = {name: part.detach().numpy() for name, part in made.parts().items()}
    W = made.W_hh.detach().numpy()
    form = ordered_real_schur(W)
    table = planted.moduli(form, parts["W_hh.gamma"])
    assert len(table) == width and table["index"].tolist() == list(range(width))
    np.testing.assert_allclose(table["modulus"], table["planted"], rtol=1e-6)
    assert (np.diff(table["planted"]) <= 0).all()
    mass = planted.masses(form, parts["W_hh.T"])
    assert mass["planted_mass"] ** 2 == pytest.approx(
        mass["found_mass"] ** 2 + mass["inside_mass"] ** 2, abs=1e-9
    )
    assert mass["planted_mass"] == pytest.approx(
        henrici_departure(form) / np.linalg.norm(W), abs=1e-7
    )


def test_nothing_planted_nothing_found():
    mass = planted.masses(ordered_real_schur(np.zeros((3, 3))), np.zeros((3, 3)))
    assert set(mass.values()) == {0}


def test_a_trained_network_is_diagnosed_as_any_other():
    found = trained()
    made = Network("tanh", {name: found[name] for name in ("W_hh", "W_xh", "W_hy")})
    assert planted.masses(made.schur(), found["W_hh.T"])["found_mass"] > 0.01


def sectors_by_eigenvectors(W, alpha):
    """Return |R|, and the norms of CR and of what is beside the eigenvalues of R and of C.

    By a basis of the eigenvectors of R, of W as a whole: no Schur form is in it.
    """
    values, vectors = np.linalg.eig(W)
    leading = np.abs(values) >= alpha * np.abs(values).max()
    chosen = vectors[:, leading]
    size = int(leading.sum())
    U = np.linalg.svd(np.hstack([chosen.real, chosen.imag]), full_matrices=True)[0]
    R, C = U[:, :size], U[:, size:]
    assert np.linalg.norm(C.T @ W @ R) < 1e-8 * np.linalg.norm(W)  # R is invariant
    rest = [np.linalg.norm(S.T @ W @ S) ** 2 for S in (R, C)]
    rest = [
        norm - np.sum(np.abs(values[of]) ** 2)
        for norm, of in zip(rest, (leading, ~leading), strict=True)
    ]
    CR = np.linalg.norm(R.T @ W @ C)
    return size, dict(zip(("CR", "RR", "CC"), (CR, *np.sqrt(np.maximum(rest, 0))), strict=True))


@pytest.mark.parametrize("alpha", [0.3, 0.6, 0.9])
@pytest.mark.parametrize(("width", "seed"), [(7, 2), (10, 2), (10, 5)])
def test_sectors_and_couplings_do_not_depend_on_the_order_of_planted_blocks(width, seed, alpha):
    made = network(width, seed)
    parts = {name[5:]: part.detach().numpy() for name, part in made.parts().items()}
    W = made.W_hh.detach().numpy()
    found = planted.couplings(Sectors.of(W, alpha), parts)
    size, norms = sectors_by_eigenvectors(W, alpha)
    assert found["planted_leading"] == found["found_leading"] == size
    radii = np.repeat(np.abs(parts["gamma"]), 2)[:width]
    assert size == np.sum(radii >= alpha * radii.max())
    for coupling, norm in norms.items():
        for kind in ("planted", "found"):
            assert found[f"{kind}_{coupling}"] == pytest.approx(
                norm / np.linalg.norm(W), abs=1e-6
            ), (kind, coupling)
    assert found["planted_CR"] > 0.05 or size == width
    order = [
        np.abs(parts["gamma"])[k] >= np.abs(parts["gamma"])[k + 1] for k in range(width // 2 - 1)
    ]
    assert not all(order)  # blocks had to be moved


def test_planted_and_found_differ_where_another_matrix_was_planted():
    made, other = network(10, 2), network(10, 3)
    parts = {name[5:]: part.detach().numpy() for name, part in other.parts().items()}
    found = planted.couplings(Sectors.of(made.W_hh.detach().numpy(), 0.6), parts)
    assert abs(found["planted_CR"] - found["found_CR"]) > 0.05


def test_couplings_of_a_matrix_of_zeros_are_zero():
    parts = {"gamma": np.zeros(2), "theta": np.zeros(2), "T": np.zeros((4, 4))}
    found = planted.couplings(Sectors.of(np.zeros((4, 4)), 0.9), parts)
    assert found.pop("planted_leading") == found.pop("found_leading") == 4
    assert set(found.values()) == {0}


def test_a_trained_network_has_the_sectors_that_were_planted():
    found = trained()
    parts = {name: found[f"W_hh.{name}"] for name in ("gamma", "theta", "T")}
    sectors = Sectors.of(found["W_hh"], 0.95)
    both = planted.couplings(sectors, parts)
    assert both["planted_leading"] == both["found_leading"] < 10
    for coupling in ("RR", "CR", "CC"):
        assert both[f"planted_{coupling}"] == pytest.approx(both[f"found_{coupling}"], abs=1e-4)
