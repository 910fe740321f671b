"""nnRNN: the Schur form itself is trained, so that it is known."""

import math

import torch
from torch import nn
from torch.nn.utils import parametrize


class Planted(nn.Module):
    r"""A recurrent matrix by its real Schur form, whose parts are what is trained.

    .. math::
        W_{hh} = P\,(D + T)\,P^\top, \qquad
        D = \bigoplus_k \gamma_k
            \begin{pmatrix} \cos\theta_k & -\sin\theta_k \\ \sin\theta_k & \cos\theta_k
            \end{pmatrix}, \qquad
        P = P_0\,(I - A/2)^{-1}\,(I + A/2), \quad A = -A^\top

    T has entries above the blocks of D only, so that the eigenvalues are
    :math:`\gamma_k e^{\pm i\theta_k}`; of an odd width the last block is :math:`\gamma_k` alone.
    In the code of Kerg et al. (2019) T reaches into the blocks, and these are not the eigenvalues.

    The product is taken in float64, in which P stays orthogonal, and rounded once.

    Parameters
    ----------
    start : torch.Tensor, shape (N, N)
        :math:`P_0`, orthogonal.
    theta : torch.Tensor, shape (N // 2,)
        Angles at the start.
    """

    def __init__(self, start: torch.Tensor, theta: torch.Tensor):
        super().__init__()
        self.register_buffer("start", start)
        self.theta = theta

    def forward(self, *parameters: torch.Tensor) -> torch.Tensor:
        """Return W_hh, in the precision of the parameters (see `right_inverse`)."""
        P, gamma, theta, T = self.parts(*parameters).values()
        size = len(P)
        # Of an odd width the last block is cut to its first entry.
        theta = nn.functional.pad(theta, (0, size % 2))
        on, beside = gamma * torch.cos(theta), gamma * torch.sin(theta)
        turn = torch.stack([beside, 0 * beside], 1).flatten()[: size - 1]
        D = torch.diag(on.repeat_interleave(2)[:size]) + torch.diag(turn, -1) - torch.diag(turn, 1)
        return (P @ (D + T) @ P.T).to(parameters[0].dtype)

    def right_inverse(self, W: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return what is trained, at its start: A below its diagonal, gamma, theta and T."""
        size = len(W)
        gamma, theta = W.new_ones(math.ceil(size / 2)), self.theta.to(W)
        return W.new_zeros(size, size), gamma, theta, W.new_zeros(size, size)

    def parts(
        self, A: torch.Tensor, gamma: torch.Tensor, theta: torch.Tensor, T: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """Return P, gamma, theta and T, float64, of what is trained."""
        A, gamma, theta, T = (tensor.double() for tensor in (A, gamma, theta, T))
        half = (torch.tril(A, -1) - torch.tril(A, -1).T) / 2
        one = torch.eye(len(A), dtype=A.dtype, device=A.device)
        P = self.start.double() @ torch.linalg.solve(one - half, one + half)
        block = torch.arange(len(A), device=A.device) // 2
        above = block[:, None] < block
        return {"P": P, "gamma": gamma, "theta": theta, "T": T * above}


def initialise(network: nn.Module, generator: torch.Generator) -> None:
    """Start W_hh orthogonal, its eigenvalues at random on the unit circle, and train its parts.

    P is uniform over the orthogonal matrices, theta uniform in +-pi, gamma 1 and T 0.
    """
    size = len(network.W_hh)
    start = nn.init.orthogonal_(torch.empty(size, size, dtype=torch.float64), generator=generator)
    theta = nn.init.uniform_(torch.empty(size // 2), -math.pi, math.pi, generator=generator)
    parametrize.register_parametrization(network, "W_hh", Planted(start, theta))
