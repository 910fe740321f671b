r"""The compiled part: forward pass and backpropagation through time on one processor core.

A network this small spends its time on library calls and on moving data rather than on
arithmetic. Here the whole recurrence is compiled by numba. Three pieces do the work:

* `gemm` multiplies matrices. It cuts the result into tiles that stay in vector registers while
  the inner index runs. The compiler does not find such tiles in plain loops, so `make_tile`
  spells them out as LLVM instructions on vectors of 32 bytes, which LLVM translates to whatever
  the processor has. The left factor may have any strides. One function therefore serves the
  forward pass :math:`h W^\top`, the backward pass :math:`g W` and the gradients :math:`g^\top h`.
* `tanh` is a rational function without branches, which the compiler turns into vectors.
* `forward` and `backward` walk through time with these two.

Arrays are C-contiguous with time first: each step is a (batch, units) matrix. The compiled code
follows pointers without checks and works on multiples of 8; `rnnschur.kernels` checks what it is
given and fills up with zeros, which add nothing to any product. The order of summation of an
output does not depend on the other sequences or other networks.
"""

import math

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from rnnschur.kernels.cache import compiled

# Neither "nnan" nor "ninf": a diverged network must show as NaN, not as an arbitrary number.
_OPTIONS = {"error_model": "numpy", "fastmath": {"contract", "reassoc", "nsz"}}


def signatures(template):
    """Types for both precisions; left to itself numba compiles a copy for every kind of call."""
    return [template.replace("real", real) for real in ("float32", "float64")]


def make_tile(rows, vectors):
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


_tile_4x3, _tile_4x2, _tile_8x1 = make_tile(4, 3), make_tile(4, 2), make_tile(8, 1)


@compiled(signatures("void(real[:, ::1], real[:, :], real[:, ::1], boolean)"), **_OPTIONS)
def gemm(C, A, B, add):
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


@compiled(signatures("void(real[:, ::1])"), **_OPTIONS)
def tanh(h):
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


@compiled(**_OPTIONS)
def forward(H, x, W_xh_T, W_hh_T, W_hy_T, y, onset):
    """Run K recurrent matrices side by side; H (K, states kept, batch, units) is a ring."""
    for t in range(len(x)):
        now, before = t % H.shape[1], (t - 1) % H.shape[1]
        projection = H[0, now]
        gemm(projection, x[t], W_xh_T, False)
        for k in range(len(H) - 1, -1, -1):  # the first matrix last, for it uses up the projection
            h = H[k, now]
            if k > 0:
                to, source = h.reshape(h.size), projection.reshape(h.size)
                for i in range(h.size):  # h[:] = projection takes seconds to compile
                    to[i] = source[i]
            if t > 0:
                gemm(h, H[k, before], W_hh_T[k], True)
            tanh(h)
            if t >= onset:
                gemm(y[k, t - onset], h, W_hy_T, False)


@compiled(**_OPTIONS)
def backward(H, G, y, x, targets, W_hh, W_hy, g_xh, g_hh, g_hy, count):
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
            gemm(g, error, W_hy, False)
            gemm(g_hy, error.T, h, True)
        if t < len(x) - 1:
            gemm(g, G[(t + 1) % 2], W_hh, t >= onset)
        flat_g, flat_h = g.reshape(g.size), h.reshape(h.size)
        for i in range(flat_g.size):
            flat_g[i] *= one - flat_h[i] * flat_h[i]
        gemm(g_xh, g.T, x[t], True)
        if t > 0:
            gemm(g_hh, g.T, H[t - 1], True)
    return loss / count
