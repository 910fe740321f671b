r"""Forward pass and backpropagation through time of a small tanh network on one processor core.

The network has no biases and starts from :math:`h_0 = 0`:

.. math::  h_t = \tanh(W_{hh} h_{t-1} + W_{xh} x_t), \qquad y_t = W_{hy} h_t .

A network this small spends its time on library calls and on moving data rather than on
arithmetic. Here the whole recurrence is compiled by numba. Three pieces do the work:

* ``_gemm`` multiplies matrices. It cuts the result into tiles that stay in vector registers while
  the inner index runs. The compiler does not find such tiles in plain loops, so ``_make_tile``
  spells them out as LLVM instructions on vectors of 32 bytes, which LLVM translates to whatever
  the processor has. The left factor may have any strides. One function therefore serves the
  forward pass :math:`h W^\top`, the backward pass :math:`g W` and the gradients :math:`g^\top h`.
* ``_tanh`` is a rational function without branches, which the compiler turns into vectors.
* ``_forward`` and ``_backward`` walk through time with these two.

Arrays are C-contiguous with time first: each step is a (batch, units) matrix. The compiled code
follows pointers without checks and works on multiples of 8. The public functions therefore check
what they are given and fill up batch and layers with zeros, which add nothing to any product.
The order of summation of an output does not depend on the other sequences or other networks.
"""

import math

import numpy as np
from llvmlite import ir
from numba import njit
from numba.core import cgutils, types
from numba.extending import intrinsic

# Neither "nnan" nor "ninf": a diverged network must show as NaN, not as an arbitrary number.
_OPTIONS = {"cache": True, "error_model": "numpy", "fastmath": {"contract", "reassoc", "nsz"}}


def _signatures(template):
    """Types for both precisions; left to itself numba compiles a copy for every kind of call."""
    return [template.replace("real", real) for real in ("float32", "float64")]


def _make_tile(rows, vectors):
    """Make the numba function ``tile(C, A, B, i, j, add)`` for one tile shape.

    It sets ``C[i:i+rows, j:j+width]`` to ``A[i:i+rows] @ B[:, j:j+width]``, plus what is there if
    `add`, where `width` is `vectors` times the number of elements in 32 bytes.
    """

    @intrinsic
    def tile(typing_context, C, A, B, i, j, add):
        def generate(context, builder, signature, arguments):
            a, b, c = (
                context.make_array(kind)(context, builder, value)
                for kind, value in ((A, arguments[1]), (B, arguments[2]), (C, arguments[0]))
            )
            i, j, add = arguments[3:]
            number, item = context.get_value_type(C.dtype), C.dtype.bitwidth // 8
            vector = ir.VectorType(number, 32 // item)
            undefined, zero = vector(ir.Undefined), ir.IntType(32)(0)
            everywhere = ir.VectorType(ir.IntType(32), vector.count)(None)

            def pointer(array, row, column, kind):
                strides = cgutils.unpack_tuple(builder, array.strides)
                offset = builder.add(builder.mul(row, strides[0]), builder.mul(column, strides[1]))
                return cgutils.pointer_add(builder, array.data, offset, kind.as_pointer())

            row = [builder.add(i, i.type(r)) for r in range(rows)]
            column = [builder.add(j, j.type(v * vector.count)) for v in range(vectors)]
            cells = [(r, v) for r in range(rows) for v in range(vectors)]
            target = {(r, v): pointer(c, row[r], column[v], vector) for r, v in cells}
            total = {}  # stack slots, which LLVM turns into registers
            for cell in cells:
                start = builder.select(add, builder.load(target[cell], align=item), vector(None))
                total[cell] = cgutils.alloca_once_value(builder, start)
            with cgutils.for_range(builder, cgutils.unpack_tuple(builder, a.shape)[1]) as loop:
                right = [
                    builder.load(pointer(b, loop.index, j, vector), align=item) for j in column
                ]
                left = []
                for i in row:
                    scalar = builder.load(pointer(a, i, loop.index, number))
                    scalar = builder.insert_element(undefined, scalar, zero)
                    left.append(builder.shuffle_vector(scalar, undefined, everywhere))
                for r, v in cells:
                    # "contract": one fused instruction where the processor has it
                    product = builder.fmul(left[r], right[v], flags=["contract"])
                    new = builder.fadd(builder.load(total[r, v]), product, flags=["contract"])
                    builder.store(new, total[r, v])
            for cell in cells:
                builder.store(builder.load(total[cell]), target[cell], align=item)
            return context.get_dummy_value()

        return types.void(C, A, B, i, j, add), generate

    return tile


_tile_4x3, _tile_4x2, _tile_8x1 = _make_tile(4, 3), _make_tile(4, 2), _make_tile(8, 1)


@njit(_signatures("void(real[:, ::1], real[:, :], real[:, ::1], boolean)"), **_OPTIONS)
def _gemm(C, A, B, add):
    """C = A B, or C += A B if `add`; C has multiples of 8 rows and columns."""
    rows, columns = C.shape
    lanes = 32 // C.itemsize
    j = 0
    while j < columns:
        left = (columns - j) // lanes
        if left == 1:
            for i in range(0, rows, 8):
                _tile_8x1(C, A, B, i, j, add)
            j += lanes
        elif left == 2 or left == 4:
            for i in range(0, rows, 4):
                _tile_4x2(C, A, B, i, j, add)
            j += 2 * lanes
        else:
            for i in range(0, rows, 4):
                _tile_4x3(C, A, B, i, j, add)
            j += 3 * lanes


@njit(_signatures("void(real[:, ::1])"), **_OPTIONS)
def _tanh(h):
    """Replace h by tanh(h), to 5e-7 (float32) or 6e-15 (float64) of its value.

    With x = |h|, Lambert's continued fraction, cut after eight terms, gives p / q = tanh(x / 4);
    the coefficients hold the powers of 4. Doubling the argument twice by
    tanh(2 z) = 2 p q / (p^2 + q^2) leaves one division to the end. As the new q - p is the
    square d^2 of the old one, q = p + d^2 is never below p and |tanh| <= 1.
    """
    real = h.dtype.type  # float32 times a Python number would be float64
    limit = real(20)
    z = h.reshape(h.size)
    for i in range(z.size):
        x = abs(z[i])
        x = limit if x > limit else x  # this way round NaN passes
        u = x * x
        p = real(1) + u * (real(1 / 120) + u * (real(1 / 74880) + u * real(1 / 230630400)))
        q = real(1 / 2496) + u * (real(1 / 3294720) + u * real(1 / 33210777600))
        p, q = x * p, real(4) + u * (real(7 / 60) + u * q)
        d = q - p
        for _ in range(2):
            p, d = (p + p) * q, d * d
            q = p + d
        z[i] = math.copysign(p / q, z[i])


@njit(**_OPTIONS)
def _forward(H, x, W_xh_T, W_hh_T, W_hy_T, y, onset):
    """Run K recurrent matrices side by side; H (K, states kept, batch, units) is a ring."""
    for t in range(len(x)):
        now, before = t % H.shape[1], (t - 1) % H.shape[1]
        projection = H[0, now]
        _gemm(projection, x[t], W_xh_T, False)
        for k in range(len(H) - 1, -1, -1):  # the first matrix last, for it uses up the projection
            h = H[k, now]
            if k > 0:
                to, source = h.reshape(h.size), projection.reshape(h.size)
                for i in range(h.size):  # h[:] = projection takes seconds to compile
                    to[i] = source[i]
            if t > 0:
                _gemm(h, H[k, before], W_hh_T[k], True)
            _tanh(h)
            if t >= onset:
                _gemm(y[k, t - onset], h, W_hy_T, False)


@njit(**_OPTIONS)
def _backward(H, G, y, x, targets, W_hh, W_hy, g_xh, g_hh, g_hy, count):
    """Turn the outputs y into their errors, fill the gradients and return the loss."""
    one, scale, loss = H.dtype.type(1), 2 / count, 0.0
    onset = len(x) - len(y)
    g_xh[:] = g_hh[:] = g_hy[:] = 0
    for t in range(len(x) - 1, -1, -1):
        h, g = H[t], G[t % 2]
        if t >= onset:
            error = y[t - onset]
            e, target = error.reshape(error.size), targets[t - onset].reshape(error.size)
            for i in range(e.size):
                difference = np.float64(e[i] - target[i])
                loss += difference * difference
                e[i] = scale * difference
            _gemm(g, error, W_hy, False)
            _gemm(g_hy, error.T, h, True)
        if t < len(x) - 1:
            _gemm(g, G[(t + 1) % 2], W_hh, t >= onset)
        flat_g, flat_h = g.reshape(g.size), h.reshape(h.size)
        for i in range(flat_g.size):
            flat_g[i] *= one - flat_h[i] * flat_h[i]
        _gemm(g_xh, g.T, x[t], True)
        if t > 0:
            _gemm(g_hh, g.T, H[t - 1], True)
    return loss / count


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
            The loss; NaN if the network diverged to NaN.

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
        _forward(self._H, x, W_xh_T, W_hh_T, W_hy_T, self._y, self.onset)
        loss = _backward(
            self._H[0], self._G, self._y[0], x, targets, W_hh, W_hy, *self._gradients, self._count
        )
        for gradient, padded in zip((g_xh, g_hh, g_hy), self._gradients, strict=True):
            gradient[:] = padded[: gradient.shape[0], : gradient.shape[1]]
        return loss


def rollout(W_xh, W_hh, W_hy, x, onset=0):
    """Return the outputs from step `onset` on, for one recurrent matrix or for a stack of them.

    Parameters
    ----------
    W_xh, W_hy : ndarray, shapes (N, n_in), (D, N)
    W_hh : ndarray, shape (N, N) or (K, N, N)
        A stack shares the input projection; each network gets the same bits as alone.
    x : ndarray, shape (T, B, n_in)
    onset : int
        First step that is returned, counted from 0; below T.

    Returns
    -------
    ndarray, shape (T - onset, B, D) or (K, T - onset, B, D)

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
    K, (B, n_in, N, D) = math.prod(stack), _round_up(batch, inputs, hidden, outputs)
    W_hh = W_hh.reshape(K, hidden, hidden)
    y = _zeros((K, steps - onset, B, D), dtype)
    _forward(
        _zeros((K, 2, B, N), dtype),
        _embed(x, _zeros((steps, B, n_in), dtype)),
        _embed(W_xh.T, _zeros((n_in, N), dtype)),
        _embed(W_hh.swapaxes(1, 2), _zeros((K, N, N), dtype)),
        _embed(W_hy.T, _zeros((N, D), dtype)),
        y,
        onset,
    )
    y = np.ascontiguousarray(y[:, :, :batch, :outputs])
    return y if stack else y[0]
