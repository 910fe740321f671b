r"""The compiled part: forward pass, backpropagation through time and Adam on one processor core.

A network this small spends its time on library calls and on moving data rather than on
arithmetic. Here the whole recurrence is compiled by numba. One matrix holds all weights, so that a
step is one product, with a column a sequence:

.. math::
    M = \begin{pmatrix} 0 & W_{hy} \\ W_{xh} & W_{hh} \end{pmatrix}, \qquad
    z_t = \begin{pmatrix} x_t \\ h_{t-1} \end{pmatrix}, \qquad
    \begin{pmatrix} y_{t-1} \\ a_t \end{pmatrix} = M z_t, \qquad h_t = \tanh a_t .

With :math:`e_t` the error of :math:`y_t` and :math:`g_t` that of :math:`a_t`, the gradient of all
weights is :math:`\sum_t (e_{t-1}; g_t) z_t^\top`, and :math:`M^\top (e_t; g_{t+1})` leads back a
step. Three pieces do the work:

* `gemm` multiplies matrices. It cuts the result into tiles that stay in vector registers while
  the inner index runs. The compiler does not find such tiles in plain loops, so `make_tile`
  spells them out as LLVM instructions on vectors. The left factor may have any strides. What
  follows a product, such as tanh, is done before the tile leaves the registers.
* `forward` and `backward` walk through time with it.
* `updates` does this, and Adam, for one batch after the other.

Arrays are C-contiguous with time first: each step is a (units, batch) matrix. The compiled code
follows pointers without checks and works on whole tiles; `rnnschur.kernels` makes arrays that are
large enough. What lies beyond the sizes proper is computed, but neither summed over nor read.
Every sum runs in the order of its index whatever the tiles, and does not depend on the other
sequences: processors with vectors of other lengths give the same bits if they, too, fuse products
and sums.
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.registry import cpu_target
from numba.extending import intrinsic

from rnnschur.kernels.cache import compiled

# "contract": one fused instruction for a product and a sum where the processor has it. Neither
# "nnan" nor "ninf": a diverged network must show as NaN, not as an arbitrary number. Nor
# "reassoc": sums keep their order.
_OPTIONS = {"error_model": "numpy", "fastmath": {"contract", "nsz"}}


def vector_bytes(processor, features):
    """Return the bytes in a vector: 64 where the processor works on that many at once, else 32.

    The names are LLVM's. znver4 takes instructions on 64 bytes, but works on halves.
    """
    return 64 if "+avx512f" in features.split(",") and processor != "znver4" else 32


# What numba compiles for, by which its cache, too, tells machines apart.
_PROCESSOR = cpu_target.target_context.codegen().magic_tuple()[1:]
VECTOR = vector_bytes(*_PROCESSOR)
#: Rows of a tile, of 2 or 3 vectors: as many sums as there are registers for (32, or 16).
ROWS = 8 if VECTOR == 64 else 4


def signatures(template):
    """Types for both precisions; left to itself numba compiles a copy for every kind of call."""
    return [template.replace("real", real) for real in ("float32", "float64")]


@intrinsic
def whole_vectors(typing_context):
    """Let the compiler use `VECTOR` bytes in the loops of the calling function.

    Of itself LLVM stays at 32 on processors whose clock used to suffer from more.
    """

    def generate(context, builder, signature, arguments):
        attribute = f'"prefer-vector-width"="{8 * VECTOR}"'
        set.add(builder.function.attributes, attribute)  # llvmlite knows none with a value
        return context.get_dummy_value()

    return types.void(), generate


class _Vector:
    """A vector of LLVM under Python's operators, so that formulas look like formulas."""

    def __init__(self, builder, value):
        self.builder, self.value = builder, value

    def _as_vector(self, number):
        if isinstance(number, _Vector):
            return number
        kind = self.value.type
        return _Vector(self.builder, ir.Constant(kind, [number] * kind.count))

    def _joined(self, how, other):
        return _Vector(self.builder, getattr(self.builder, how)(self.value, other.value))

    def _called(self, name, *others):
        kind, arguments = self.value.type, [self.value, *others]
        bits = 32 if isinstance(kind.element, ir.FloatType) else 64
        function = cgutils.get_or_insert_function(
            self.builder.module,
            ir.FunctionType(kind, [kind] * len(arguments)),
            f"llvm.{name}.v{kind.count}f{bits}",
        )
        return _Vector(self.builder, self.builder.call(function, arguments))

    def __add__(self, other):
        return self._joined("fadd", self._as_vector(other))

    def __mul__(self, other):
        return self._joined("fmul", self._as_vector(other))

    def __truediv__(self, other):
        return self._joined("fdiv", other)

    def __sub__(self, other):
        return self._joined("fsub", other)

    def __rsub__(self, other):
        return self._as_vector(other) - self

    __radd__, __rmul__ = __add__, __mul__

    def __abs__(self):
        return self._called("fabs")

    def signed_like(self, other):
        return self._called("copysign", other.value)

    def as_sign(self):
        """Return 1 with the sign of the vector."""
        return self._as_vector(1.0).signed_like(self)

    def unless(self, other, limit, value):
        """Return the vector, but `value` where `other` is above the limit; NaN is not."""
        above = self.builder.fcmp_ordered(">", other.value, self._as_vector(limit).value)
        value = self._as_vector(value).value
        return _Vector(self.builder, self.builder.select(above, value, self.value))


def _tanh_single(x):
    """Return tanh(x), to 3.1e-7 of its value; without fused instructions, to 3.7e-7.

    Of all x P(x^2) / Q(x^2) with polynomials of degree 4, this has the least relative error for
    |x| up to 7.9, 6e-9; the rest is rounding. No value is above 1. From there on it is 1, which
    tanh is to 2.8e-7.
    """
    u = x * x
    p = 3.578989835849112e-03 + u * (2.202320837250881e-05 + u * 1.542791961992002e-08)
    p = 0.9999999943463317 + u * (0.13450618736614978 + u * p)
    q = 0.02619222964260431 + u * (3.423646945146552e-04 + u * 8.598758869553095e-07)
    q = 1.0 + u * (0.4678394673592281 + u * q)
    return (x * p / q).unless(u, 7.9**2, x.as_sign())


def _tanh_double(a):
    """Return tanh(a), to 6e-15 of its value.

    With x = |a|, Lambert's continued fraction, cut after eight terms, gives p / q = tanh(x / 4);
    the coefficients hold the powers of 4. Doubling the argument twice by
    tanh(2 z) = 2 p q / (p^2 + q^2) leaves one division to the end. As the new q - p is the
    square d^2 of the old one, q = p + d^2 is never below p and |tanh| <= 1.
    """
    x = abs(a)
    x = x.unless(x, 20.0, 20.0)
    u = x * x
    p = 1.0 + u * (1 / 120 + u * (1 / 74880 + u * (1 / 230630400)))
    q = 1 / 2496 + u * (1 / 3294720 + u * (1 / 33210777600))
    p, q = x * p, 4.0 + u * (7 / 60 + u * q)
    d = q - p
    for _ in range(2):
        p, d = (p + p) * q, d * d
        q = p + d
    return (p / q).signed_like(a)


def _tanh(a, _):
    return (_tanh_single if isinstance(a.value.type.element, ir.FloatType) else _tanh_double)(a)


# What becomes of a product, given an entry of another matrix, before it is stored.
_ENDS = (
    lambda product, _: product,
    lambda product, sum: sum + product,
    _tanh,
    lambda product, h: product * (1.0 - h * h),
)
ALONE, ADDED, TANH, TIMES_SLOPE = range(len(_ENDS))


def make_tile(rows, vectors):
    """Make the numba function ``tile(C, A, B, D, i, j, end)`` for one tile shape.

    It sets ``C[i:i+rows, j:j+width]`` to ``end(A[i:i+rows] @ B[:, j:j+width], D[i:i+rows,
    j:j+width])``, where `width` is `vectors` times the number of elements in `VECTOR` bytes, and
    `end` the place of a function in `_ENDS`. B may have further rows.
    """

    @intrinsic
    def tile(typing_context, C, A, B, D, i, j, end):
        def generate(context, builder, signature, arguments):
            c, a, b, d = (
                context.make_array(kind)(context, builder, value)
                for kind, value in zip((C, A, B, D), arguments, strict=False)
            )
            i, j, end = arguments[4:]
            number, item = context.get_value_type(C.dtype), C.dtype.bitwidth // 8
            vector = ir.VectorType(number, VECTOR // item)
            undefined, zero = vector(ir.Undefined), ir.IntType(32)(0)
            everywhere = ir.VectorType(ir.IntType(32), vector.count)(None)

            def pointer(array, row, column, kind):
                strides = cgutils.unpack_tuple(builder, array.strides)
                offset = builder.add(builder.mul(row, strides[0]), builder.mul(column, strides[1]))
                return cgutils.pointer_add(builder, array.data, offset, kind.as_pointer())

            def along(array, row):
                """Return pointers to the vectors of a row, next to each other in memory."""
                start = pointer(array, row, j, vector)
                return [builder.gep(start, [ir.IntType(32)(v)]) for v in range(vectors)]

            row = [builder.add(i, i.type(r)) for r in range(rows)]
            cells = [(r, v) for r in range(rows) for v in range(vectors)]
            # Stack slots, which LLVM turns into registers.
            total = {cell: cgutils.alloca_once_value(builder, vector(None)) for cell in cells}
            # Hidden from LLVM, which would step from row to row in the loop by adding strides.
            hidden = ir.FunctionType(number.as_pointer(), [number.as_pointer()])
            starts = [
                builder.asm(hidden, "", "=r,0", [pointer(a, r, i.type(0), number)], False)
                for r in row
            ]
            stride = cgutils.unpack_tuple(builder, a.strides)[1]
            for cell in cells:
                builder.store(vector(None), total[cell])
            with cgutils.for_range(builder, cgutils.unpack_tuple(builder, a.shape)[1]) as loop:
                right = [builder.load(place, align=item) for place in along(b, loop.index)]
                step = builder.mul(loop.index, stride)
                for r in range(rows):
                    place = cgutils.pointer_add(builder, starts[r], step, number.as_pointer())
                    scalar = builder.insert_element(undefined, builder.load(place), zero)
                    left = _Vector(builder, builder.shuffle_vector(scalar, undefined, everywhere))
                    for v in range(vectors):
                        before = _Vector(builder, builder.load(total[r, v]))
                        new = before + left * _Vector(builder, right[v])
                        builder.store(new.value, total[r, v])
            for number_of_end, function in enumerate(_ENDS):
                with builder.if_then(builder.icmp_signed("==", end, end.type(number_of_end))):
                    for r in range(rows):
                        for v, (to, place) in enumerate(
                            zip(along(c, row[r]), along(d, row[r]), strict=True)
                        ):
                            product = _Vector(builder, builder.load(total[r, v]))
                            there = _Vector(builder, builder.load(place, align=item))
                            builder.store(function(product, there).value, to, align=item)
            return context.get_dummy_value()

        return types.void(C, A, B, D, i, j, end), generate

    return tile


_narrow, _wide = make_tile(ROWS, 2), make_tile(ROWS, 3)


@compiled(
    signatures("void(real[:, ::1], real[:, :], real[:, ::1], real[:, ::1], intp)"), **_OPTIONS
)
def gemm(C, A, B, D, end):
    """C = end(A B, D), entry by entry; C has multiples of 8 rows and 2 vectors or more a row."""
    rows, columns = C.shape
    lanes = VECTOR // C.itemsize
    j = 0
    while j < columns:
        left = (columns - j) // lanes
        if left == 2 or left == 4:
            for i in range(0, rows, ROWS):
                _narrow(C, A, B, D, i, j, end)
            j += 2 * lanes
        else:
            for i in range(0, rows, ROWS):
                _wide(C, A, B, D, i, j, end)
            j += 3 * lanes


def make_block(elements):
    """Make the numba function ``block(to, source, i, j)`` for blocks of n by n elements.

    It sets ``to[i:i+n, j:j+n]`` to ``source[j:j+n, i:i+n].T``, where rows are contiguous.
    `elements` gives n from the type of an array.
    """

    @intrinsic
    def block(typing_context, to, source, i, j):
        def generate(context, builder, signature, arguments):
            a, b = (
                context.make_array(kind)(context, builder, value)
                for kind, value in zip((to, source), arguments, strict=False)
            )
            i, j = arguments[2:]
            number, item, n = context.get_value_type(to.dtype), to.dtype.bitwidth // 8, elements(to)
            vector = ir.VectorType(number, n)

            def pointer(array, row, column):
                strides = cgutils.unpack_tuple(builder, array.strides)
                offset = builder.add(builder.mul(row, strides[0]), builder.mul(column, strides[1]))
                return cgutils.pointer_add(builder, array.data, offset, vector.as_pointer())

            def chosen(first, second, lanes):
                mask = ir.Constant(ir.VectorType(ir.IntType(32), n), lanes)
                return builder.shuffle_vector(first, second, mask)

            rows = [
                builder.load(pointer(b, builder.add(j, j.type(r)), i), align=item) for r in range(n)
            ]
            half = n // 2
            while half:  # swap the off-diagonal quarters of all blocks of 2 half rows
                left = [c if not c & half else n + c - half for c in range(n)]
                right = [c + half if not c & half else n + c for c in range(n)]
                for r in (r for r in range(n) if not r & half):
                    pair = rows[r], rows[r + half]
                    rows[r], rows[r + half] = chosen(*pair, left), chosen(*pair, right)
                half //= 2
            for r, row in enumerate(rows):
                builder.store(row, pointer(a, builder.add(i, i.type(r)), j), align=item)
            return context.get_dummy_value()

        return types.void(to, source, i, j), generate

    return block


_line_block = make_block(lambda array: 512 // array.dtype.bitwidth)
_block_of_8 = make_block(lambda array: 8)


@compiled(signatures("void(real[:, ::1], real[:, ::1])"), **_OPTIONS)
def transpose(to, source):
    """Set `to` to the transpose of `source`; both have multiples of 64 bytes in both directions."""
    size = 64 // to.itemsize
    for j in range(0, to.shape[1], size):
        for i in range(0, to.shape[0], size):
            _line_block(to, source, i, j)


def _types(real):
    """Return types of arrays: C-contiguous, of any strides, and those that are only read."""
    return (
        lambda dimensions: types.Array(real, dimensions, "C"),
        lambda dimensions: types.Array(real, dimensions, "A"),
        lambda dimensions: types.Array(real, dimensions, "A", readonly=True),
    )


_REAL = types.float32, types.float64


@compiled([types.void(strided(2), read(2)) for _, strided, read in map(_types, _REAL)], **_OPTIONS)
def copy(to, source):
    """Set `to` to `source`, matrices of the same shape."""
    for i in range(to.shape[0]):
        for j in range(to.shape[1]):
            to[i, j] = source[i, j]


@compiled([types.void(strided(3), read(3)) for _, strided, read in map(_types, _REAL)], **_OPTIONS)
def transpose_steps(to, source):
    """Set each matrix of `to` to the transpose of that of `source`."""
    rows, columns, item = to.shape[1], to.shape[2], to.itemsize
    contiguous = to.strides[2] == item and source.strides[2] == item
    for t in range(len(to)):
        if contiguous and rows % 8 == columns % 8 == 0:
            for i in range(0, rows, 8):
                for j in range(0, columns, 8):
                    _block_of_8(to[t], source[t], i, j)
        else:
            copy(to[t], source[t].T)


@compiled(**_OPTIONS)
def forward(M, Z, x, y, outputs, units):
    """Fill Z (states kept, rows, batch), a ring of (x_t; h_{t-1}), and the last outputs y."""
    whole_vectors()
    inputs, onset = x.shape[1], len(x) - len(y)
    for t in range(len(x)):
        z, following = Z[t % len(Z)], Z[(t + 1) % len(Z)]
        to, source = z[:inputs].reshape(x[t].size), x[t].reshape(x[t].size)
        for i in range(to.size):
            to[i] = source[i]
        h = following[inputs : inputs + -(-units // 8) * 8]
        # At first there is no state, and zeros would make NaN of infinite weights.
        gemm(h, M[outputs:, : inputs + units if t > 0 else inputs], z, h, TANH)
        if t >= onset:
            now = y[t - onset]
            gemm(now, M[:, inputs : inputs + units], following[inputs:], now, ALONE)


@compiled(**_OPTIONS)
def backward(M, Z, Z_T, G, gradient, targets, sizes):
    """Fill the gradient of M and return the sum of squared errors.

    G (2, rows, batch) holds (e_{t-1}; g_t) of two steps, Z_T room for a transpose.
    """
    whole_vectors()
    batch, inputs, units, outputs = sizes
    steps = len(Z) - 1
    onset = steps - len(targets)
    scale = Z.dtype.type(2 / (len(targets) * batch * outputs))
    size = outputs * Z.shape[2]
    squares = np.zeros(size)
    gradient[:] = 0
    readout, rows = -(-outputs // 8) * 8, -(-units // 8) * 8
    for t in range(steps, -1, -1):
        g, following = G[t % 2], G[(t + 1) % 2]
        if t > onset:
            y = g[:readout]
            gemm(y, M[:, inputs : inputs + units], Z[t, inputs:], y, ALONE)
            error, target = g[:outputs].reshape(size), targets[t - 1 - onset].reshape(size)
            for i in range(size):
                difference = error[i] - target[i]
                squares[i] += np.float64(difference) * np.float64(difference)
                error[i] = scale * difference
        transpose(Z_T, Z[t])
        if t == steps:
            g[outputs:] = 0
            part = gradient[:readout]
            gemm(part, g[:, :batch], Z_T, part, ADDED)
            continue
        first, last = outputs if t < onset else 0, outputs + (units if t < steps - 1 else 0)
        h = Z[t + 1, inputs : inputs + rows]
        back = g[outputs : outputs + rows]
        gemm(back, M[first:last, inputs:].T, following[first:], h, TIMES_SLOPE)
        if t > onset:
            gemm(gradient, g[:, :batch], Z_T, gradient, ADDED)
        else:
            part = gradient[outputs : outputs + rows]
            gemm(part, g[outputs:, :batch], Z_T, part, ADDED)
    return squares.reshape(outputs, Z.shape[2])[:, :batch].sum()


@compiled(
    signatures("float64(real[::1], real[::1], real[::1], real[::1], float64, float64, int64)"),
    **_OPTIONS,
)
def adam(parameters, gradient, mean, square, learning_rate, clip, update):
    """Clip the gradient, update moments and parameters, and return the norm before."""
    whole_vectors()
    real = parameters.dtype.type
    sums = np.zeros(16)
    whole = gradient.size // 16 * 16
    for i in range(0, whole, 16):
        part = gradient[i : i + 16]
        for lane in range(16):
            sums[lane] += np.float64(part[lane]) * np.float64(part[lane])
    for i in range(whole, gradient.size):
        sums[0] += np.float64(gradient[i]) * np.float64(gradient[i])
    norm = np.sqrt(sums.sum())
    factor = real(clip / (norm + 1e-6)) if norm > clip else real(1)
    beta1, beta2, rest1, rest2 = real(0.9), real(0.999), real(1 - 0.9), real(1 - 0.999)
    rate = real(learning_rate / (1 - 0.9**update))
    correction = real(1 / np.sqrt(1 - 0.999**update))
    epsilon = real(1e-8)
    for i in range(parameters.size):
        g = factor * gradient[i]
        m = beta1 * mean[i] + rest1 * g
        s = beta2 * square[i] + rest2 * g * g
        mean[i], square[i] = m, s
        parameters[i] -= rate * m / (correction * np.sqrt(s) + epsilon)
    return norm


def _problem(ours, strided, read):
    """Return the types of what `gradients` takes."""
    return (
        types.Tuple([ours(2), ours(3), ours(2), ours(3), ours(2), ours(3), ours(3)]),
        *(types.UniTuple(types.intp, 4), read(2), read(2), read(2), read(3), read(3)),
        *(strided(2), strided(2), strided(2)),
    )


@compiled([types.float64(*_problem(*_types(real))) for real in _REAL], **_OPTIONS)
def gradients(memory, sizes, W_xh, W_hh, W_hy, x, targets, g_xh, g_hh, g_hy):
    """Copy weights and sequences into the memory, gradients out of it, and return the loss."""
    M, Z, Z_T, G, gradient, our_x, our_targets = memory
    batch, inputs, units, outputs = sizes
    transpose_steps(our_x[:, :, :batch], x)
    transpose_steps(our_targets[:, :, :batch], targets)
    above, below = slice(0, outputs), slice(outputs, outputs + units)
    left, right = slice(0, inputs), slice(inputs, inputs + units)
    copy(M[below, left], W_xh)
    copy(M[below, right], W_hh)
    copy(M[above, right], W_hy)
    forward(M, Z, our_x, our_targets[:0], outputs, units)
    loss = backward(M, Z, Z_T, G, gradient, our_targets, sizes)
    copy(g_xh, gradient[below, left])
    copy(g_hh, gradient[below, right])
    copy(g_hy, gradient[above, right])
    return loss / (len(targets) * batch * outputs)


def _run(ours, strided, read):
    """Return the types of what `updates` takes."""
    state = types.UniTuple(ours(1), 4), types.UniTuple(types.float64, 2), types.intp
    return *_problem(ours, strided, read), *state, types.Array(types.float64, 2, "C")


@compiled([types.void(*_run(*_types(real))) for real in _REAL], **_OPTIONS)
def updates(
    memory,
    sizes,
    W_xh,
    W_hh,
    W_hy,
    x,
    targets,
    g_xh,
    g_hh,
    g_hy,
    vectors,
    settings,
    before,
    history,
):
    """Do an update with each batch of the sequences; fill the history with losses and norms."""
    parameters, gradient, mean, square = vectors
    learning_rate, clip = settings
    for k in range(len(history)):
        part = slice(k * sizes[0], (k + 1) * sizes[0])
        history[k, 0] = gradients(
            memory, sizes, W_xh, W_hh, W_hy, x[:, part], targets[:, part], g_xh, g_hh, g_hy
        )
        history[k, 1] = adam(
            parameters, gradient, mean, square, learning_rate, clip, before + k + 1
        )
