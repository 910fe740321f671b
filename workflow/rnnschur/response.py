r"""Linear response: how the outputs of a rollout answer to small changes of a recurrent matrix.

A matrix W acts at step t on something, for most cells the state :math:`h_{t-1}`, and what it sends
is :math:`W h_{t-1}`. To first order a change dW changes the outputs, projected on fixed signs r, by

.. math:: r \cdot dy = \sum_t \lambda_t^\top\, dW\, h_{t-1}, \qquad
          \lambda_t = \frac{\partial (r \cdot y)}{\partial (W h_{t-1})},

so that one backward pass a projection serves every change in every basis. For independent signs
:math:`\mathrm{E}_r (r \cdot dy)^2 = \|dy\|^2`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rnnschur.batch import Batch
from rnnschur.network import Network


@dataclass(frozen=True, eq=False)
class Response:
    r"""What a recurrent matrix acts on along a rollout, and what later outputs see of it.

    Attributes
    ----------
    acting : numpy.ndarray, shape (B, T, N), float64
        What the matrix acts on at each step of each sequence; zero at a first step from rest.
    adjoint : numpy.ndarray, shape (P, B, T, N), float64
        :math:`\lambda` of each projection.
    variation : float
        :math:`\sum \|f - \bar f\|^2` of the intact outputs that count: the square of a rollout
        difference is the sum of squared changes in this unit.
    """

    acting: np.ndarray
    adjoint: np.ndarray
    variation: float

    def difference(self, change: np.ndarray) -> float:
        r"""Return the rollout difference of a small change, to first order.

        .. math:: d^2 = \mathrm{E}_r \sum_b
                  \Big(\sum_t \lambda_{bt}^\top\, dW\, h_{bt}\Big)^2 / \text{variation}

        Parameters
        ----------
        change : array_like, shape (N, N)
            dW.
        """
        sent = self.acting @ np.asarray(change, np.float64).T
        projected = np.einsum("pbtn,btn->pb", self.adjoint, sent)
        return float(np.sqrt(np.mean(np.sum(projected**2, axis=1)) / self.variation))

    def curvature(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        r"""Return the Gauss-Newton curvature of every entry of :math:`L^\top W R`.

        .. math:: C_{ij} = \mathrm{E}_r \sum_b \Big(\sum_t (L^\top \lambda_{bt})_i\,
                  (R^\top h_{bt})_j\Big)^2 / \text{variation}

        An entry :math:`M_{ij}` that is set to zero alone costs :math:`M_{ij}^2 C_{ij}`, the square
        of a rollout difference, to first order.

        Parameters
        ----------
        left, right : array_like, shape (N, N)
            Orthogonal matrices: both Q in Schur coordinates, U and V in those of singular vectors,
            the identity in the network's own.

        Returns
        -------
        numpy.ndarray, shape (N, N)
        """
        sources = self.acting @ right
        total = np.zeros((left.shape[1], right.shape[1]))
        for adjoint in self.adjoint:  # (B, N, N) of one projection at a time
            total += np.sum(np.matmul((adjoint @ left).mT, sources) ** 2, axis=0)
        return total / (len(self.adjoint) * self.variation)


def response(
    network: Network,
    batch: Batch,
    projections: int,
    rng: np.random.Generator,
    name: str | None = None,
) -> Response:
    """Return the linear response of a network's outputs to one of its recurrent weights.

    Parameters
    ----------
    network : Network
        Computed in double precision.
    batch : Batch
        Sequences; outputs that its mask leaves out do not count.
    projections : int
        P, random signs of all outputs.
    rng : numpy.random.Generator
    name : str, optional
        A recurrent weight, by default the first of the cell.

    Raises
    ------
    ValueError
        If the intact outputs do not vary: a rollout difference has no unit then.

    Examples
    --------
    One linear unit with unit weights, two steps and an input of 1 at the first: y is 1, then w.

    >>> one = np.ones((1, 1))
    >>> network = Network("linear", {"W_hh": one / 2, "W_xh": one, "W_hy": one})
    >>> batch = Batch(np.array([[[1.0]], [[0.0]]]))
    >>> found = response(network, batch, 1, np.random.default_rng(0))
    >>> found.acting.ravel(), abs(found.adjoint.ravel()[1])
    (array([0., 1.]), np.float64(1.0))
    """
    import torch  # only here: most families need no gradients

    outputs, records = _rolled_out(network, batch, name)
    counted = batch.counted(outputs.detach().numpy())
    variation = float(np.sum((counted - counted.mean((0, 1))) ** 2))
    if not variation > 0:
        raise ValueError(
            "the intact outputs do not vary over steps and sequences; allowed: outputs that do, "
            "since a rollout difference is measured by their variation"
        )
    states, probes = ([pair[k] for pair in records] for k in (0, 1))
    adjoint = []
    for _ in range(projections):
        signs = rng.integers(0, 2, outputs.shape) * 2.0 - 1
        signs = torch.from_numpy(signs if batch.mask is None else signs * batch.mask[..., None])
        found = torch.autograd.grad(outputs, probes, signs, retain_graph=True)
        adjoint.append(_by_sequence(found, network, batch))
    return Response(_by_sequence(states, network, batch), np.stack(adjoint), variation)


def acting(network: Network, batch: Batch, name: str | None = None) -> np.ndarray:
    """Return what a recurrent weight acts on at each step of each sequence.

    Parameters
    ----------
    network, batch, name
        As for `response`.

    Returns
    -------
    numpy.ndarray, shape (B, T, N), float64
        As `Response.acting`.
    """
    import torch

    with torch.no_grad():
        _, records = _rolled_out(network, batch, name)
    return _by_sequence([states for states, _ in records], network, batch)


def _rolled_out(network: Network, batch: Batch, name: str | None):
    """Return the outputs in double precision, and what `_recorded` records on the way."""
    import torch

    name = name or network.cell.recurrent[0]
    known = {**network.weights, **batch.starts}.items()
    weights = {key: torch.from_numpy(np.asarray(weight, np.float64)) for key, weight in known}
    weights[name], records = _recorded(weights[name], batch.sequences)
    inputs = torch.from_numpy(np.ascontiguousarray(batch.inputs, np.float64))
    return network.cell.outputs(weights, inputs, batch.onset, torch), records


def _by_sequence(steps, network: Network, batch: Batch) -> np.ndarray:
    """Return arrays (B, N) of the last steps as one, (B, T, N), zero before them."""
    array = np.zeros((batch.sequences, batch.steps, network.sizes["unit"]))
    for step, values in enumerate(steps, batch.steps - len(steps)):
        array[:, step] = values.detach().numpy()
    return array


def _recorded(weight, sequences: int):
    """Return a tensor like `weight`, and the list of all that is multiplied by its transpose.

    For each product: what the matrix acts on, and zeros that are added to the product, whose
    gradient is that of the product. So any cell can be asked, whatever its equation.
    """
    import torch

    records = []

    class Recorded(torch.Tensor):
        factor = 1.0  # a cell may scale what the matrix sends before it is added up

        @classmethod
        def __torch_function__(cls, function, types, args=(), kwargs=None):
            with torch._C.DisableTorchFunctionSubclass():
                if function == torch.Tensor.mT.__get__:
                    return function(*args).as_subclass(cls)
                if function in (torch.Tensor.__mul__, torch.Tensor.__rmul__, torch.Tensor.mul):
                    scaled = function(*args).as_subclass(cls)
                    (scaled.factor,) = (factor for factor in args if type(factor) is not cls)
                    return scaled
                if function in (torch.Tensor.__matmul__, torch.Tensor.matmul, torch.matmul):
                    acting = args[0].expand(sequences, -1)  # an initial state may serve all
                    product = function(acting, args[1])
                    probe = torch.zeros_like(product, requires_grad=True)
                    records.append((acting, probe))
                    return product + args[1].factor * probe
                return function(*args, **(kwargs or {}))

    return weight.as_subclass(Recorded), records
