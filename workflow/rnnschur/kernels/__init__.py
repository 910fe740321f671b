r"""Forward pass and backpropagation through time of a small tanh network, by a compiled kernel.

The network has no biases and starts from :math:`h_0 = 0`:

.. math::  h_t = \tanh(W_{hh} h_{t-1} + W_{xh} x_t), \qquad y_t = W_{hy} h_t .

This module checks arrays, copies them into aligned memory whose sizes are multiples of 8, and
hands them to `rnnschur.kernels.compiled`, which does the arithmetic. Only the products of a wide
network's rollout are left to BLAS.
"""

import math

import numpy as np

from rnnschur.extras import require

require("the compiled kernel", "fast")

from rnnschur.kernels.compiled import backward, forward, tanh  # noqa: E402

#: Units from which a rollout leaves its products to BLAS, which cuts large matrices to fit the
#: caches. On AVX2 the two take equally long at 120 to 140 units; at 512 BLAS takes 0.6 of the
#: kernel's time.
WIDE = 128


def _check(name, array, shape, dtype, writeable=False):
    """Raise ValueError unless `array` may be handed to code that follows raw pointers."""
    if (
        isinstance(array, np.ndarray)
        and array.shape == shape
        and array.dtype == dtype
        and (array.flags.carray if writeable else array.flags.c_contiguous and array.flags.aligned)
    ):
        return
    found = type(array).__name__
    if isinstance(array, np.ndarray):
        found += f" of shape {array.shape} and {array.dtype}"
        for flag in ("C_CONTIGUOUS", "ALIGNED", "WRITEABLE"):
            found += "" if array.flags[flag] else f", not {flag}"
    raise ValueError(
        f"{name} is {found}; expected an aligned, C-contiguous{', writeable' if writeable else ''} "
        f"numpy array of shape {shape} and {dtype}"
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


def _embed(array, buffer):
    """Copy `array` to the corner of `buffer`, whose other entries stay zero."""
    buffer[tuple(map(slice, array.shape))] = array
    return buffer


def _borrow(W_xh_T, hidden):
    """Drive the units of the padding like the first unit, for inputs that may be infinite.

    Zeros would make NaN of an infinite input, and with it of every unit at the next step. Driven
    like the first unit they are NaN only if it is, and so is the sequence; else tanh bounds them
    and the zeros that lead on from them stop them.
    """
    W_xh_T[:, hidden:] = W_xh_T[:, :1]


def _round_up(*sizes):
    return [-(-size // 8) * 8 for size in sizes]


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
        self.onset, self.dtype, scored = onset, _real(dtype), steps - onset
        self._batch, self._hidden = batch, hidden
        weights = {"xh": (hidden, inputs), "hh": (hidden, hidden), "hy": (outputs, hidden)}
        self._expected = [
            *((f"W_{name}", shape, False) for name, shape in weights.items()),
            ("x", (steps, batch, inputs), False),
            ("targets", (scored, batch, outputs), False),
            *((f"g_{name}", shape, True) for name, shape in weights.items()),
        ]
        self._count = float(scored * batch * outputs)

        def zeros(*shape):
            return _zeros(shape, self.dtype)

        B, n_in, N, D = _round_up(batch, inputs, hidden, outputs)
        self._H, self._G, self._y = zeros(1, steps, B, N), zeros(2, B, N), zeros(1, scored, B, D)
        transposes = zeros(n_in, N), zeros(1, N, N), zeros(N, D)
        data = zeros(steps, B, n_in), zeros(scored, B, D)
        self._copies = *data, zeros(N, N), zeros(D, N), *transposes
        self._gradients = zeros(N, n_in), zeros(N, N), zeros(D, N)

    def loss_and_gradients(self, W_xh, W_hh, W_hy, x, targets, g_xh, g_hh, g_hy):
        r"""Return the loss and write its gradients into `g_xh`, `g_hh` and `g_hy`.

        With rows for sequences, and with :math:`e_t = 0` before the onset,

        .. math::
            e_t &= \tfrac{2}{(T - o) B D} (h_t W_{hy}^\top - Y_t), \quad
            g_t = (e_t W_{hy} + g_{t+1} W_{hh}) \odot (1 - h_t^2), \\
            \nabla W_{xh} &= \sum_t g_t^\top x_t, \quad
            \nabla W_{hh} = \sum_t g_t^\top h_{t-1}, \quad
            \nabla W_{hy} = \sum_t e_t^\top h_t .

        Parameters
        ----------
        W_xh, W_hh, W_hy : ndarray, shapes (N, n_in), (N, N), (D, N)
        x : ndarray, shape (T, B, n_in)
        targets : ndarray, shape (T - o, B, D)
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
        for (name, shape, writeable), array in zip(self._expected, arrays, strict=True):
            _check(name, array, shape, self.dtype, writeable)
        # Copies are cheap beside the products, and aligned and padded whatever is given.
        given = x, targets, W_hh, W_hy, W_xh.T, W_hh.T[None], W_hy.T
        x, targets, W_hh, W_hy, W_xh_T, W_hh_T, W_hy_T = map(_embed, given, self._copies)
        forwards = self._H, x, W_xh_T, W_hh_T, W_hy_T, self._y, self.onset
        backwards = self._H[0], self._G, self._y[0], x, targets, W_hh, W_hy, *self._gradients
        forward(*forwards)
        loss = backward(*backwards, self._count)
        if not math.isfinite(loss):
            # Perhaps the padding's doing: its zeros times infinity are NaN, which always reaches
            # the loss. Once more without; to look at the inputs each time would cost more.
            _borrow(W_xh_T, self._hidden)
            forward(*forwards)
            self._H[:, :, self._batch :] = self._y[:, :, self._batch :] = 0
            loss = backward(*backwards, self._count)
            W_xh_T[:, self._hidden :] = 0
        for gradient, padded in zip((g_xh, g_hh, g_hy), self._gradients, strict=True):
            gradient[:] = padded[: gradient.shape[0], : gradient.shape[1]]
        return loss


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
    """Fill y (K, T - onset, B, D) by the kernel, all networks at once: they share W_xh x."""
    (K, scored, batch, outputs), (steps, _, inputs) = y.shape, x.shape
    dtype, hidden, onset = y.dtype, W_hh.shape[-1], steps - scored
    B, n_in, N, D = _round_up(batch, inputs, hidden, outputs)
    W_xh_T = _embed(W_xh.T, _zeros((n_in, N), dtype))
    if not np.isfinite(x).all():
        _borrow(W_xh_T, hidden)
    padded = _zeros((K, scored, B, D), dtype)
    forward(
        _zeros((K, 2, B, N), dtype),
        _embed(x, _zeros((steps, B, n_in), dtype)),
        W_xh_T,
        _embed(W_hh.swapaxes(1, 2), _zeros((K, N, N), dtype)),
        _embed(W_hy.T, _zeros((N, D), dtype)),
        padded,
        onset,
    )
    y[:] = padded[:, :, :batch, :outputs]
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
                tanh(h)
                if t >= onset:
                    np.matmul(h.T, W_hy.T, out=outputs[t - onset])
    return y
