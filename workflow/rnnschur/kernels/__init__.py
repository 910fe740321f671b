r"""Training and rollouts of a small tanh network, by a compiled kernel.

The network has no biases and starts from :math:`h_0 = 0`:

.. math::  h_t = \tanh(W_{hh} h_{t-1} + W_{xh} x_t), \qquad y_t = W_{hy} h_t .

This module checks arrays, copies them into aligned memory that is as large as the tiles of
`rnnschur.kernels.compiled` need, and leaves the arithmetic to that. Only the products of a wide
network's rollout are left to BLAS.
"""

import math

import numpy as np

from rnnschur.extras import require

require("the compiled kernel", "fast")

from rnnschur.kernels import compiled  # noqa: E402

#: Units from which a rollout leaves its products to BLAS, which cuts large matrices to fit the
#: caches. Up to there the kernel takes 0.8 to 1 of its time; at 768 the two are level.
WIDE = 512

#: Sequences that a rollout takes at a time, so that they stay in the caches.
BLOCK = 64


def _check(name, array, shape, dtype, writeable=False, strided=False):
    """Raise ValueError unless `array` may be handed to code that follows raw pointers."""
    if (
        isinstance(array, np.ndarray)
        and array.shape == shape
        and array.dtype == dtype
        and array.flags.aligned
        and (strided or array.flags.c_contiguous)
        and (array.flags.writeable or not writeable)
    ):
        return
    found = type(array).__name__
    if isinstance(array, np.ndarray):
        found += f" of shape {array.shape} and {array.dtype}"
        for flag in ("C_CONTIGUOUS", "ALIGNED", "WRITEABLE"):
            found += "" if array.flags[flag] else f", not {flag}"
    raise ValueError(
        f"{name} is {found}; expected an aligned{'' if strided else ', C-contiguous'}"
        f"{', writeable' if writeable else ''} numpy array of shape {shape} and {dtype}"
    )


def _real(dtype):
    """Return a float32 or float64 dtype as such, and raise ValueError for any other."""
    if np.dtype(dtype) not in (np.float32, np.float64):
        raise ValueError(f"dtype is {dtype}, expected float32 or float64")
    return np.dtype(dtype)


def _zeros(shape, dtype):
    """Return zeros that start at a cache line; else every other vector straddles two lines."""
    memory = np.zeros(math.prod(shape) + 64 // dtype.itemsize, dtype)
    start = -memory.ctypes.data % 64 // dtype.itemsize
    return memory[start : start + math.prod(shape)].reshape(shape)


class _Memory:
    """Working memory for one shape of problem, and the weights in it as one matrix.

    Attributes
    ----------
    x : ndarray, shape (T, n_in, padded B)
        Inputs.
    Z : ndarray, shape (states kept, padded n_in + N, padded B)
    M, W_xh, W_hh, W_hy : ndarray
        The matrix of all weights, zero elsewhere, and its parts.
    """

    def __init__(self, steps, batch, sizes, states, dtype):
        self.dtype, self.sizes, self.batch = dtype, sizes, batch
        inputs, hidden, outputs = sizes
        # The compiled code works on 8 rows at a time, and on cache lines and pairs of vectors.
        self.rows = sum(-(-size // 8) * 8 for size in (outputs, hidden))
        self.columns = self._padded(inputs + -(-hidden // 8) * 8)
        self.sequences = self._padded(batch)
        self.x = self.zeros(steps, inputs, self.sequences)
        self.Z = self.zeros(states, self.columns, self.sequences)
        self.M = self.matrix()
        self.W_xh, self.W_hh, self.W_hy = self.parts(self.M)

    def _padded(self, size):
        line = 64 // self.dtype.itemsize
        return max(-(-size // line) * line, 2 * compiled.VECTOR // self.dtype.itemsize)

    def zeros(self, *shape):
        return _zeros(shape, self.dtype)

    def matrix(self):
        """Return a matrix of zeros, of the size of M."""
        return self.zeros(self.rows, self.columns)

    def parts(self, matrix):
        """Return the parts of a matrix like M that belong to W_xh, W_hh and W_hy."""
        inputs, hidden, outputs = self.sizes
        units = slice(outputs, outputs + hidden), slice(inputs, inputs + hidden)
        return matrix[units[0], :inputs], matrix[units], matrix[:outputs, units[1]]


class BackpropagationThroughTime:
    r"""Loss and gradients for one shape of problem; the working memory is allocated once.

    .. math::  L = \frac{1}{(T - o) B D} \sum_{t = o}^{T - 1} \lVert W_{hy} h_t - Y_t \rVert^2

    The sum runs over the B sequences of the batch as well.

    Parameters
    ----------
    steps, batch, inputs, hidden, outputs : int
        Sizes T, B, n_in, N and D, at least 1.
    onset : int
        First step o that is scored, counted from 0; below `steps`.
    dtype : float32 or float64

    Raises
    ------
    ValueError
        If a size, the onset or the dtype is outside its range.
    """

    def __init__(self, steps, batch, inputs, hidden, outputs, onset=0, dtype=np.float32):
        if min(steps, batch, inputs, hidden, outputs) < 1 or not 0 <= onset < steps:
            raise ValueError(
                "sizes must be at least 1 and onset in [0, steps), got "
                f"{steps=}, {batch=}, {inputs=}, {hidden=}, {outputs=}, {onset=}"
            )
        self.dtype, scored = _real(dtype), steps - onset
        weights = {"xh": (hidden, inputs), "hh": (hidden, hidden), "hy": (outputs, hidden)}
        self._expected = [
            *((f"W_{name}", shape, False) for name, shape in weights.items()),
            ("x", (steps, batch, inputs), False, True),
            ("targets", (scored, batch, outputs), False, True),
            *((f"g_{name}", shape, True) for name, shape in weights.items()),
        ]
        sizes = inputs, hidden, outputs
        memory = _Memory(steps, batch, sizes, steps + 1, self.dtype)
        self._memory = (
            *(memory.M, memory.Z, memory.zeros(memory.sequences, memory.columns)),
            *(memory.zeros(2, memory.rows, memory.sequences), memory.matrix()),
            *(memory.x, memory.zeros(scored, outputs, memory.sequences)),
        )
        self._sizes = batch, inputs, hidden, outputs

    def loss_and_gradients(self, W_xh, W_hh, W_hy, x, targets, g_xh, g_hh, g_hy):
        r"""Return the loss and write its gradients into `g_xh`, `g_hh` and `g_hy`.

        With a column a sequence, and with :math:`e_t = 0` before the onset,

        .. math::
            e_t &= \tfrac{2}{(T - o) B D} (W_{hy} h_t - Y_t), \quad
            g_t = (W_{hy}^\top e_t + W_{hh}^\top g_{t+1}) \odot (1 - h_t^2), \\
            \nabla W_{xh} &= \sum_t g_t x_t^\top, \quad
            \nabla W_{hh} = \sum_t g_t h_{t-1}^\top, \quad
            \nabla W_{hy} = \sum_t e_t h_t^\top .

        Parameters
        ----------
        W_xh, W_hh, W_hy : ndarray, shapes (N, n_in), (N, N), (D, N)
        x : ndarray, shape (T, B, n_in)
        targets : ndarray, shape (T - o, B, D)
            Like `x` of any strides: some sequences of many will do.
        g_xh, g_hh, g_hy : ndarray, shaped like the weights
            Overwritten.

        Returns
        -------
        float
            The loss; NaN if the network diverged to NaN. An infinite input or weight gives what
            the equations give: a finite loss where tanh bounds its effect.

        Raises
        ------
        ValueError
            If an array has another shape or dtype than the object was made for, is not
            C-contiguous and aligned, or is read-only though to be overwritten.
        """
        arrays = W_xh, W_hh, W_hy, x, targets, g_xh, g_hh, g_hy
        for (name, shape, *how), array in zip(self._expected, arrays, strict=True):
            _check(name, array, shape, self.dtype, *how)
        return compiled.gradients(
            self._memory, self._sizes, W_xh, W_hh, W_hy, x, targets, g_xh, g_hh, g_hy
        )

    def updates(self, weights, gradients, x, targets, adam):
        """Do an update with one batch of sequences after the other.

        Parameters
        ----------
        weights, gradients : tuple of ndarray
            As for `loss_and_gradients`, and parts of the vectors of `adam`.
        x, targets : ndarray, shapes (T, K B, n_in), (T - o, K B, D)
            K batches of any strides.
        adam : Adam

        Returns
        -------
        ndarray, shape (K, 2)
            Losses, and norms of the gradients before they were clipped.

        Raises
        ------
        ValueError
            As `loss_and_gradients`.
        """
        count = x.shape[1] // self._sizes[0]
        arrays = *weights, x, targets, *gradients
        for (name, shape, *how), array in zip(self._expected, arrays, strict=True):
            if name in ("x", "targets"):
                shape = shape[0], count * shape[1], shape[2]
            _check(name, array, shape, self.dtype, *how)
        history = np.empty((count, 2))
        compiled.updates(
            *(self._memory, self._sizes, *weights, x, targets),
            *(*gradients, adam.vectors, adam.settings, adam.updates, history),
        )
        adam.updates += count
        return history


class Adam:
    r"""Adam on one vector (Kingma and Ba 2015, algorithm 1), with the gradient clipped before.

    .. math::
        g &\leftarrow \min\{1, c / (\lVert g \rVert + 10^{-6})\}\, g, \\
        m &\leftarrow 0.9\, m + 0.1\, g, \quad v \leftarrow 0.999\, v + 0.001\, g^2, \\
        p &\leftarrow p - \eta\, \frac{m / (1 - 0.9^k)}{\sqrt{v / (1 - 0.999^k)} + 10^{-8}}

    at the k-th step, as `torch.nn.utils.clip_grad_norm_` and `torch.optim.Adam` have it.

    Parameters
    ----------
    parameters, gradient : ndarray, shape (n,), float32 or float64
        The vector p, which `step` changes, and where it finds g.
    learning_rate : float
        :math:`\eta`.
    clip : float or None
        Largest norm c of the gradient; None leaves it as it is.

    Raises
    ------
    ValueError
        If the arrays are not vectors of one length and precision, contiguous and writeable.
    """

    def __init__(self, parameters, gradient, learning_rate, clip):
        dtype = _real(parameters.dtype)
        for name, array in {"parameters": parameters, "gradient": gradient}.items():
            _check(name, array, (len(parameters),), dtype, writeable=True)
        moments = np.zeros_like(parameters), np.zeros_like(parameters)
        self.vectors = parameters, gradient, *moments
        self.settings = float(learning_rate), math.inf if clip is None else float(clip)
        self.updates = 0

    def step(self):
        """Update the parameters in place; return the norm of the gradient before it was clipped."""
        self.updates += 1
        return compiled.adam(*self.vectors, *self.settings, self.updates)


def rollout(W_xh, W_hh, W_hy, x, onset=0):
    """Return the outputs from step `onset` on, for one recurrent matrix or for a stack of them.

    Parameters
    ----------
    W_xh, W_hy : ndarray, shapes (N, n_in), (D, N)
    W_hh : ndarray, shape (N, N) or (K, N, N)
        Each network gets the same bits as alone.
    x : ndarray, shape (T, B, n_in)
    onset : int
        First step that is returned, counted from 0; below T.

    Returns
    -------
    ndarray, shape (T - onset, B, D) or (K, T - onset, B, D)
        The last bits of a network of `WIDE` units or more may depend on how many sequences there
        are, as BLAS has it; those of a smaller one do not.

    Raises
    ------
    ValueError
        If an array is empty or not C-contiguous and aligned, shapes do not fit together, dtypes
        differ or are neither float32 nor float64, or the onset is outside its range.
    """
    arrays = {"W_xh": W_xh, "W_hh": W_hh, "W_hy": W_hy, "x": x}
    for (name, array), dimensions in zip(arrays.items(), ((2,), (2, 3), (2,), (3,)), strict=True):
        if not (isinstance(array, np.ndarray) and array.ndim in dimensions and array.size):
            raise ValueError(
                f"{name} is {type(array).__name__} of shape {getattr(array, 'shape', None)}; "
                f"expected a numpy array that is not empty, number of dimensions in {dimensions}"
            )
    dtype, stack = _real(W_hh.dtype), W_hh.shape[:-2]
    steps, batch = x.shape[:2]
    hidden, inputs, outputs = W_hh.shape[-2], W_xh.shape[1], len(W_hy)
    sizes = (hidden, inputs), (*stack, hidden, hidden), (outputs, hidden), (steps, batch, inputs)
    for (name, array), shape in zip(arrays.items(), sizes, strict=True):
        _check(name, array, shape, dtype)
    if not 0 <= onset < steps:
        raise ValueError(f"onset is {onset}, expected at least 0 and below the {steps} steps")
    K = math.prod(stack)
    W_hh = W_hh.reshape(K, hidden, hidden)
    by = _rollout_wide if hidden >= WIDE else _rollout_small
    y = by(W_xh, W_hh, W_hy, x, np.empty((K, steps - onset, batch, outputs), dtype))
    return y if stack else y[0]


def _rollout_small(W_xh, W_hh, W_hy, x, y):
    """Fill y (K, T - onset, B, D) by the kernel."""
    (scored, batch, outputs), (steps, _, inputs) = y.shape[1:], x.shape
    hidden, block = len(W_xh), min(batch, BLOCK)
    memory = _Memory(steps, block, (inputs, hidden, outputs), 2, y.dtype)
    memory.W_xh[:], memory.W_hy[:] = W_xh, W_hy
    padded = memory.zeros(scored, -(-outputs // 8) * 8, memory.sequences)
    for first in range(0, batch, block):
        part = slice(first, first + block)
        count = len(range(batch)[part])
        compiled.transpose_steps(memory.x[:, :, :count], x[:, part])
        for W, found in zip(W_hh, y, strict=True):
            memory.W_hh[:] = W
            compiled.forward(memory.M, memory.Z, memory.x, padded, outputs, hidden)
            compiled.transpose_steps(found[:, part], padded[:, :outputs, :count])
    return y


def _rollout_wide(W_xh, W_hh, W_hy, x, y):
    """Fill y (K, T - onset, B, D), the products by BLAS, one network after the other.

    A step is one product, (W_hh W_xh) times the states and below them the inputs, with a column a
    sequence.
    """
    onset, N = len(x) - y.shape[1], len(W_xh)
    columns = np.empty((2, N + x.shape[2], x.shape[1]), y.dtype)
    with np.errstate(all="ignore"):  # as in the kernel
        for W, outputs in zip(W_hh, y, strict=True):
            both = np.concatenate([W, W_xh], axis=1)
            for t, inputs in enumerate(x):
                before, h = columns[t % 2], columns[1 - t % 2, :N]
                before[N:] = inputs.T
                first = 0 if t else N  # at first there is no state
                np.matmul(both[:, first:], before[first:], out=h)
                np.tanh(h, out=h)
                if t >= onset:
                    np.matmul(h.T, W_hy.T, out=outputs[t - onset])
    return y
