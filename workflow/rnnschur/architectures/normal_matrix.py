"""Normal matrix: starts with W W^T = W^T W."""

import torch
from torch import nn


def initialise(network: nn.Module, generator: torch.Generator) -> None:
    r"""Draw a normal W_hh with the eigenvalues of a Gaussian matrix; it is then free to leave.

    .. math:: W_{hh} = Q B Q^\top

    The other reading of the paper's word 'normal', see `normal`. B holds the eigenvalues of a
    matrix with independent entries of standard deviation 1/sqrt(N_h): a block
    :math:`\begin{pmatrix} a & b \\ -b & a \end{pmatrix}` for each pair :math:`a \pm i b`, and the
    real ones on the diagonal. Q is uniform over the orthogonal matrices.
    """
    W = network.W_hh
    size = len(W)
    gaussian = torch.empty(size, size, dtype=torch.float64).normal_(
        std=size**-0.5, generator=generator
    )
    eigenvalues = torch.linalg.eigvals(gaussian).tolist()
    blocks = [
        torch.tensor([[z.real, z.imag], [-z.imag, z.real]]) for z in eigenvalues if z.imag > 0
    ]
    blocks += [torch.tensor([[z.real]]) for z in eigenvalues if z.imag == 0]
    Q = nn.init.orthogonal_(torch.empty(size, size, dtype=torch.float64), generator=generator)
    with torch.no_grad():
        W.copy_(Q @ torch.block_diag(*blocks).double() @ Q.T)
