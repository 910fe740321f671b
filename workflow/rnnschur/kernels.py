r"""Forward pass and backpropagation through time of a small tanh network on one processor core.

The network has no biases and starts from :math:`h_0 = 0`:

.. math::  h_t = \tanh(W_{hh} h_{t-1} + W_{xh} x_t), \qquad y_t = W_{hy} h_t .

Networks of this size spend their time not in arithmetic but in moving data and in calling
libraries, so the whole recurrence is compiled here by numba. Three pieces do the work:

* ``_gemm`` adds a matrix product to a matrix. It cuts the result into tiles that stay in vector
  registers while the inner index runs. numba's own loops do not keep tiles in registers,
  therefore ``_make_tile`` writes the instructions of a tile as LLVM code. LLVM translates the
  32-byte vectors to whatever the processor has. As the strides of the left factor are free, the
  same function serves the forward pass, the backward pass (:math:`g W_{hh}`) and the weight
  gradients (:math:`g^\top h`).
* ``_tanh`` is a rational function that the compiler can vectorise.
* ``_forward`` and ``_backward`` walk through time with these two.

All arrays are C-contiguous with time first, so that a time step is a (batch, units) matrix.
Tiles are not bounded by checks: batch and layer sizes are filled up with zeros to multiples of 8,
which contribute nothing to any product. Every number is summed in one fixed order that does not
depend on the other rows of a batch or on the other matrices of a stack.
"""

import math

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

# Neither "nnan" nor "ninf": a diverged network must show as NaN, not as an arbitrary number.
_FASTMATH = {"contract", "reassoc", "nsz"}


def _compile(*arguments, returns=types.void):
    """Compile for float32 and float64; an argument is a numba type or (dimensions, layout, ...)."""
    signatures = [
        returns(*(types.Array(real, *a) if isinstance(a, tuple) else a for a in arguments))
        for real in (types.float32, types.float64)
    ]
    return njit(signatures, cache=True, fastmath=_FASTMATH, error_model="numpy")


def _in(dimensions, layout="C"):
    return dimensions, layout, True  # read-only


def _out(dimensions):
    return dimensions, "C"


def _make_tile(rows, vectors):
    """Make the numba function ``tile(C, A, B, i, j, add)`` for one tile shape.

    It sets ``C[i:i+rows, j:j+width]`` to ``A[i:i+rows] @ B[:, j:j+width]``, added to what is there
    if `add`, where `width` is `vectors` times the number of elements in 32 bytes.
    """

    @intrinsic
    def tile(typing_context, C, A, B, i, j, add):
        def generate(context, builder, signature, arguments):
            number = context.get_value_type(C.dtype)
            lanes = 256 // C.dtype.bitwidth
            vector = ir.VectorType(number, lanes)
            c, a, b = (
                context.make_array(kind)(context, builder, value)
                for kind, value in zip((C, A, B), arguments, strict=False)
            )
            i, j, add = arguments[3:]
            inner = cgutils.unpack_tuple(builder, a.shape)[1]

            def address(array, row, column, kind):
                strides = cgutils.unpack_tuple(builder, array.strides)
                offset = builder.add(
                    builder.mul(row, strides[0]), builder.mul(column, strides[1])
                )
                return cgutils.pointer_add(builder, array.data, offset, kind.as_pointer())

            def row(r):
                return builder.add(i, i.type(r))

            def load_vector(array, row, v):
                pointer = address(array, row, builder.add(j, j.type(v * lanes)), vector)
                return builder.load(pointer, align=C.dtype.bitwidth // 8), pointer

            def splat(scalar):
                first = builder.insert_element(vector(ir.Undefined), scalar, ir.IntType(32)(0))
                zeros = ir.VectorType(ir.IntType(32), lanes)(None)
                return builder.shuffle_vector(first, vector(ir.Undefined), zeros)

            # LLVM turns these stack slots into registers.
            sums = {}
            for r in range(rows):
                for v in range(vectors):
                    start = builder.select(add, load_vector(c, row(r), v)[0], vector(None))
                    sums[r, v] = cgutils.alloca_once_value(builder, start)
            with cgutils.for_range(builder, inner) as loop:
                right = [load_vector(b, loop.index, v)[0] for v in range(vectors)]
                for r in range(rows):
                    left = splat(builder.load(address(a, row(r), loop.index, number)))
                    for v in range(vectors):
                        # Multiply and add are fused where the processor can.
                        product = builder.fmul(left, right[v], flags=["contract"])
                        total = builder.fadd(builder.load(sums[r, v]), product, flags=["contract"])
                        builder.store(total, sums[r, v])
            for (r, v), total in sums.items():
                pointer = load_vector(c, row(r), v)[1]
                builder.store(builder.load(total), pointer, align=C.dtype.bitwidth // 8)
            return context.get_dummy_value()

        return types.void(C, A, B, i, j, add), generate

    return tile


_tile_4x3, _tile_4x2, _tile_8x1 = _make_tile(4, 3), _make_tile(4, 2), _make_tile(8, 1)


@_compile(_out(2), _in(2, "A"), _in(2), types.boolean)
def _gemm(C, A, B, add):
    """C = A B, or C += A B if `add`; rows and columns of C are multiples of 8."""
    rows, columns = C.shape
    lanes = 32 // C.itemsize
    j = 0
    while j < columns:
        vectors = (columns - j) // lanes
        if vectors == 1:
            for i in range(0, rows, 8):
                _tile_8x1(C, A, B, i, j, add)
            j += lanes
        elif vectors == 2 or vectors == 4:
            for i in range(0, rows, 4):
                _tile_4x2(C, A, B, i, j, add)
            j += 2 * lanes
        else:
            for i in range(0, rows, 4):
                _tile_4x3(C, A, B, i, j, add)
            j += 3 * lanes


@_compile(_out(2))
def _tanh(h):
    """Replace h by tanh(h).

    Lambert's continued fraction gives tanh(|h| / 4), cut after eight terms, as p / q; then twice
    tanh(2 x) = 2 p q / (p^2 + q^2) where tanh(x) = p / q, which leaves one division to the end.
    The sum of squares as (q - p)^2 + 2 p q cannot be rounded below 2 p q, so |tanh| <= 1.
    """
    real = h.dtype.type  # a float32 times a Python number would be a float64
    limit = real(20)
    z = h.reshape(h.size)
    for i in range(z.size):
        x = abs(z[i])
        x = limit if x > limit else x  # NaN passes
        u = x * x
        p = real(1) + u * (real(1 / 120) + u * (real(1 / 74880) + u * real(1 / 230630400)))
        q = real(1 / 2496) + u * (real(1 / 3294720) + u * real(1 / 33210777600))
        p, q = x * p, real(4) + u * (real(7 / 60) + u * q)
        for _ in range(2):
            d = q - p
            p = (p + p) * q
            q = d * d + p
        x = p / q
        z[i] = -x if z[i] < real(0) else x


@_compile(_out(4), _in(3), _in(2), _in(3), _in(2), _out(4), types.intp)
def _forward(H, x, W_xh_T, W_hh_T, W_hy_T, y, onset):
    """Run K recurrent matrices; H (K, states kept, batch, units) is a ring over time."""
    for t in range(len(x)):
        now, before = t % H.shape[1], (t - 1) % H.shape[1]
        projected = H[0, now]
        _gemm(projected, x[t], W_xh_T, False)
        for k in range(len(H) - 1, -1, -1):  # the first matrix last: it uses up the projection
            h = H[k, now]
            if k > 0:
                flat, source = h.reshape(h.size), projected.reshape(h.size)
                for i in range(h.size):
                    flat[i] = source[i]
            if t > 0:
                _gemm(h, H[k, before], W_hh_T[k], True)
            _tanh(h)
            if t >= onset:
                _gemm(y[k, t - onset], h, W_hy_T, False)


@_compile(_in(3), _out(3), _out(3), _in(3), _in(3), _in(2), _in(2), _out(2), _out(2), _out(2),
          types.float64, returns=types.float64)  # fmt: skip
def _backward(H, G, y, x, targets, W_hh, W_hy, g_xh, g_hh, g_hy, count):
    """Turn the outputs y into their errors, add up the gradients and return the loss."""
    real = H.dtype.type
    steps, onset = len(x), len(x) - len(y)
    scale, one, loss = real(2 / count), real(1), 0.0
    g_xh[:] = g_hh[:] = g_hy[:] = real(0)
    for t in range(steps - 1, -1, -1):
        h, g = H[t], G[t % 2]
        if t >= onset:
            e, target = y[t - onset].reshape(-1), targets[t - onset].reshape(-1)
            for i in range(e.size):
                d = e[i] - target[i]
                loss += np.float64(d) * np.float64(d)
                e[i] = scale * d
            _gemm(g, y[t - onset], W_hy, False)
            _gemm(g_hy, y[t - onset].T, h, True)
        if t < steps - 1:
            _gemm(g, G[(t + 1) % 2], W_hh, t >= onset)
        flat_g, flat_h = g.reshape(-1), h.reshape(-1)
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
    found = f"of type {type(array).__name__}"
    if isinstance(array, np.ndarray):
        flags = array.flags
        found = (
            f"{'' if flags.c_contiguous else 'not '}C-contiguous, "
            f"{'' if flags.aligned else 'not '}aligned, "
            f"{'' if flags.writeable else 'not '}writeable, of shape {array.shape} "
            f"and dtype {array.dtype}"
        )
    raise ValueError(
        f"{name} is {found}; expected an aligned, C-contiguous{', writeable' if writeable else ''} "
        f"numpy array of shape {shape} and dtype {dtype}"
    )


def _check_dtype(dtype):
    if np.dtype(dtype) not in (np.float32, np.float64):
        raise ValueError(f"dtype is {dtype}, expected float32 or float64")
    return np.dtype(dtype)


def _zeros(shape, dtype):
    """Return zeros that start at a cache line, lest half of all vectors straddle two lines."""
    size = math.prod(shape)
    memory = np.zeros(size + 64 // dtype.itemsize, dtype)
    start = -memory.ctypes.data % 64 // dtype.itemsize
    return memory[start : start + size].reshape(shape)


def _corner(array):
    return tuple(map(slice, array.shape))


def _padded(array, buffer):
    """Return `array`, or `buffer` with `array` in its corner if the buffer is larger."""
    if array.shape == buffer.shape:
        return array
    buffer[_corner(array)] = array
    return buffer


def _round_up(*sizes):
    return tuple(-(-size // 8) * 8 for size in sizes)


class BackpropagationThroughTime:
    r"""Loss and gradients for one shape of problem; the working memory is allocated once.

    .. math::  L = \frac{1}{(T - o) B D} \sum_{t = o}^{T - 1} \lVert W_{hy} h_t - Y_t \rVert^2

    Parameters
    ----------
    steps, batch, inputs, hidden, outputs : int
        Sizes T, B, n_in, N and D, at least 1.
    onset : int
        First step o that is scored, at least 0 and below `steps`.
    dtype : float32 or float64

    Raises
    ------
    ValueError
        If a size, the onset or the dtype is outside its range.
    """

    def __init__(self, steps, batch, inputs, hidden, outputs, onset=0, dtype=np.float32):
        if min(steps, batch, inputs, hidden, outputs) < 1 or not 0 <= onset < steps:
            raise ValueError(
                "sizes must be at least 1 and the onset in [0, steps), got "
                f"{steps=}, {batch=}, {inputs=}, {hidden=}, {outputs=}, {onset=}"
            )
        self.onset, self.dtype, scored = onset, _check_dtype(dtype), steps - onset
        weights = (hidden, inputs), (hidden, hidden), (outputs, hidden)
        data = (steps, batch, inputs), (scored, batch, outputs)
        self._expected = tuple(
            zip(
                ("W_xh", "W_hh", "W_hy", "x", "targets", "g_xh", "g_hh", "g_hy"),
                weights + data + weights,
                (False,) * 5 + (True,) * 3,
                strict=True,
            )
        )
        self._count = float(math.prod(data[1]))
        B, n_in, N, D = _round_up(batch, inputs, hidden, outputs)
        shapes = {
            "_H": (1, steps, B, N), "_G": (2, B, N), "_y": (1, scored, B, D),
            "_x": (steps, B, n_in), "_targets": (scored, B, D),
            "_W_hh": (N, N), "_W_hy": (D, N),
            "_W_xh_T": (n_in, N), "_W_hh_T": (1, N, N), "_W_hy_T": (N, D),
            "_g_xh": (N, n_in), "_g_hh": (N, N), "_g_hy": (D, N),
        }  # fmt: skip
        for name, shape in shapes.items():
            setattr(self, name, _zeros(shape, self.dtype))

    def loss_and_gradients(self, W_xh, W_hh, W_hy, x, targets, g_xh, g_hh, g_hy):
        r"""Return the loss and write its gradients into `g_xh`, `g_hh` and `g_hy`.

        .. math::
            e_t &= \tfrac{2}{(T - o) B D} (y_t - Y_t) \text{ for } t \ge o, \text{ else } 0 \\
            g_t &= (e_t W_{hy} + g_{t+1} W_{hh}) \odot (1 - h_t^2) \\
            \nabla W_{hh} &= \sum_t g_t^\top h_{t-1}, \quad
            \nabla W_{xh} = \sum_t g_t^\top x_t, \quad
            \nabla W_{hy} = \sum_t e_t^\top h_t

        Parameters
        ----------
        W_xh, W_hh, W_hy : ndarray, shapes (N, n_in), (N, N), (D, N)
        x : ndarray, shape (T, B, n_in)
        targets : ndarray, shape (T - o, B, D)
        g_xh, g_hh, g_hy : ndarray, shaped like the weights, overwritten

        Returns
        -------
        float
            The mean squared error; NaN if the network diverged to NaN.

        Raises
        ------
        ValueError
            If an array has another shape or dtype than the object was made for, is not
            C-contiguous, or is read-only and to be overwritten.
        """
        arrays = W_xh, W_hh, W_hy, x, targets, g_xh, g_hh, g_hy
        for (name, shape, writeable), array in zip(self._expected, arrays, strict=True):
            _check(name, array, shape, self.dtype, writeable)
        self._W_xh_T[_corner(W_xh.T)] = W_xh.T
        self._W_hh_T[0][_corner(W_hh)] = W_hh.T
        self._W_hy_T[_corner(W_hy.T)] = W_hy.T
        x, targets = _padded(x, self._x), _padded(targets, self._targets)
        _forward(self._H, x, self._W_xh_T, self._W_hh_T, self._W_hy_T, self._y, self.onset)
        self._W_hh[_corner(W_hh)] = W_hh
        self._W_hy[_corner(W_hy)] = W_hy
        gradients = self._g_xh, self._g_hh, self._g_hy
        loss = _backward(
            self._H[0], self._G, self._y[0], x, targets, self._W_hh, self._W_hy, *gradients,
            self._count,
        )  # fmt: skip
        for result, gradient in zip(arrays[5:], gradients, strict=True):
            result[:] = gradient[_corner(result)]
        return loss


def rollout(W_xh, W_hh, W_hy, x, onset=0):
    """Return the outputs from step `onset` on, for one recurrent matrix or for a stack of them.

    Parameters
    ----------
    W_xh, W_hy : ndarray, shapes (N, n_in), (D, N)
    W_hh : ndarray, shape (N, N) or (K, N, N)
        A stack shares the input projection; each network's outputs are the same as alone.
    x : ndarray, shape (T, B, n_in)
    onset : int
        First step that is returned, at least 0 and below T.

    Returns
    -------
    ndarray, shape (T - onset, B, D) or (K, T - onset, B, D)

    Raises
    ------
    ValueError
        If an array is empty or not C-contiguous, shapes do not fit together, dtypes differ or are
        neither float32 nor float64, or the onset is outside its range.
    """
    arrays = {"W_xh": W_xh, "W_hh": W_hh, "W_hy": W_hy, "x": x}
    for (name, array), dimensions in zip(arrays.items(), ((2,), (2, 3), (2,), (3,)), strict=True):
        if not isinstance(array, np.ndarray) or array.ndim not in dimensions or not array.size:
            raise ValueError(
                f"{name} is a {type(array).__name__} of shape {getattr(array, 'shape', None)}; "
                f"expected a numpy array, not empty, dimensions: {dimensions}"
            )
    dtype = _check_dtype(W_hh.dtype)
    (steps, batch, inputs), outputs, hidden = x.shape, len(W_hy), W_hh.shape[-1]
    stack = W_hh.shape[:-2]
    shapes = (hidden, inputs), (*stack, hidden, hidden), (outputs, hidden), x.shape
    for (name, array), shape in zip(arrays.items(), shapes, strict=True):
        _check(name, array, shape, dtype)
    if not 0 <= onset < steps:
        raise ValueError(f"onset is {onset}, expected at least 0 and below {steps} steps")
    K, (B, n_in, N, D) = math.prod(stack), _round_up(batch, inputs, hidden, outputs)
    W_hh = W_hh.reshape(K, hidden, hidden)
    W_xh_T, W_hh_T, W_hy_T = (
        _zeros(s, dtype) for s in ((n_in, N), (K, N, N), (N, D))
    )
    for buffer, transposed in (W_xh_T, W_xh.T), (W_hh_T, W_hh.swapaxes(1, 2)), (W_hy_T, W_hy.T):
        buffer[_corner(transposed)] = transposed
    y = _zeros((K, steps - onset, B, D), dtype)
    x = _padded(x, _zeros((steps, B, n_in), dtype))
    _forward(_zeros((K, 2, B, N), dtype), x, W_xh_T, W_hh_T, W_hy_T, y, onset)
    y = np.ascontiguousarray(y[:, :, :batch, :outputs])
    return y if stack else y[0]
