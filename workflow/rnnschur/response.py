r"""Linear response: how the outputs of a rollout answer to small changes of a recurrent matrix.

A matrix W acts at step t on something, for most cells the state :math:`h_{t-1}`, and what it sends
is :math:`W h_{t-1}`. To first order a change dW changes the outputs, projected on fixed signs r, by

.. math:: r \cdot dy = \sum_t \lambda_t^\top\, dW\, h_{t-1}, \qquad
          \lambda_t = \frac{\partial (r \cdot y)}{\partial (W h_{t-1})},

so that one backward pass a projection serves every change in every basis. For independent signs
:math:`\mathrm{E}_r (r \cdot dy)^2 = \|dy\|^2`. Where targets are labels of classes, one feature for
several outputs, what all scores of a step have in common decides nothing: it is taken out of y, and
so out of r, as the rollout difference does (`rnnschur.metrics.Metric.difference`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rnnschur.batch import Batch
from rnnschur.network import Network

#: Memory that the products of states with adjoint states may take at a time, in bytes.
MEMORY = 2**26


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
        difference is the sum of squared changes in this unit. NaN where they do not vary: there is
        no unit then, and all that is measured in it is NaN.
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
        total = np.zeros((left.shape[1], right.shape[1]))
        size = max(1, MEMORY // (2 * total.nbytes))  # sequences at a time
        for first in range(0, len(self.acting), size):
            some = slice(first, first + size)
            sources = self.acting[some] @ right
            for adjoint in self.adjoint[:, some]:
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
        If the cell does not multiply by the weight as `_recorded` can see, once a step.

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
    classes = outputs.shape[-1] > 1 and batch.targets is not None and batch.targets.shape[-1] == 1
    counted = batch.counted(outputs.detach().numpy())
    counted = counted - counted.mean(-1, keepdims=True) if classes else counted
    variation = float(np.sum((counted - counted.mean((0, 1))) ** 2))
    states, probes = ([pair[k] for pair in records] for k in (0, 1))
    adjoint = []
    for _ in range(projections):
        signs = rng.integers(0, 2, outputs.shape) * 2.0 - 1
        signs = signs - signs.mean(-1, keepdims=True) if classes else signs
        signs = torch.from_numpy(signs if batch.mask is None else signs * batch.mask[..., None])
        found = torch.autograd.grad(outputs, probes, signs, retain_graph=True)
        adjoint.append(_by_sequence(found, network, batch))
    acting = _by_sequence(states, network, batch)
    return Response(acting, np.stack(adjoint), variation if variation > 0 else np.nan)


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

    Raises
    ------
    ValueError
        As `response`.
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
    outputs = network.cell.outputs(weights, inputs, batch.onset, torch)
    if len(records) not in (batch.steps - 1, batch.steps):  # one from rest needs no product
        raise ValueError(
            f"{name} is seen in {len(records)} products in {batch.steps} steps; allowed: one a "
            f"step, states @ {name}.mT, which may be multiplied by numbers for all or each unit"
        )
    return outputs, records


def _by_sequence(steps, network: Network, batch: Batch) -> np.ndarray:
    """Return arrays (B, N) of the last steps as one, (B, T, N), zero before them."""
    array = np.zeros((batch.sequences, batch.steps, network.sizes["unit"]))
    for step, values in enumerate(steps, batch.steps - len(steps)):
        array[:, step] = values.detach().numpy()
    return array


def _recorded(weight, sequences: int):
    """Return a tensor like `weight`, and the list of all that is multiplied by its transpose.

    For each product: what the matrix acts on, and zeros that are added to the product, whose
    gradient is that of the product. So any cell can be asked, whatever its equation, that gets the
    transpose by ``.mT``, scales it by ``*`` alone and multiplies by ``@``; others have no records.
    """
    import torch

    records = []

    scaling = torch.Tensor.__mul__, torch.Tensor.__rmul__, torch.Tensor.mul, torch.mul
    multiplying = torch.Tensor.__matmul__, torch.Tensor.matmul, torch.matmul

    class Recorded(torch.Tensor):
        turned = False  # whether this is the transpose
        factor = torch.ones(1, 1, dtype=weight.dtype)  # a cell may scale what the matrix sends

        @classmethod
        def of(cls, tensor, turned, factor):
            tensor = tensor.as_subclass(cls)
            tensor.turned, tensor.factor = turned, factor
            return tensor

        @classmethod
        def __torch_function__(cls, function, types, args=(), kwargs=None):
            with torch._C.DisableTorchFunctionSubclass():
                result = function(*args, **(kwargs or {}))
                one, other = (*args, None, None)[:2]
                if type(one) is cls and function == torch.Tensor.mT.__get__:
                    return cls.of(result, not one.turned, one.factor.mT)
                if function in scaling and (type(one) is cls) != (type(other) is cls):
                    one, other = (one, other) if type(one) is cls else (other, one)
                    return cls.of(result, one.turned, one.factor * other)
                sends = function in multiplying and type(other) is cls and other.turned
                if sends and len(other.factor) == 1:  # the same for all that a unit receives
                    acting = one.expand(sequences, -1)  # an initial state may serve all
                    probe = weight.new_zeros((sequences, len(weight)), requires_grad=True)
                    records.append((acting, probe))
                    return result + other.factor * probe
                return result

    return weight.as_subclass(Recorded), records
