"""numba's files of compiled code, which count as absent when they are damaged."""

import hashlib
import pickle
from contextlib import suppress

from numba import njit
from numba.core.caching import CompileResultCacheImpl, FunctionCache
from numba.core.serialize import dumps


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class _Digested(CompileResultCacheImpl):
    """How a compiled function is written: with a digest, for machine code is run unread."""

    def reduce(self, compiled):
        content = dumps(super().reduce(compiled))
        return _digest(content), content

    def rebuild(self, target_context, written):
        digest, content = written
        if digest != _digest(content):
            raise ValueError("damaged")
        return super().rebuild(target_context, pickle.loads(content))


class _Cache(FunctionCache):
    _impl_class = _Digested

    def load_overload(self, signature, target_context):
        try:
            return super().load_overload(signature, target_context)
        except Exception:  # pickle raises anything
            with suppress(OSError):
                self.flush()
            return None

    def save_overload(self, signature, compiled):
        with suppress(OSError):  # it is only slower without
            super().save_overload(signature, compiled)


def compiled(signatures=(), **options):
    """Compile a function with numba and keep the outcome, where there is a place to.

    Parameters
    ----------
    signatures : sequence of str
        What is compiled at once, and nothing else; by default whatever the function is called with.
    **options
        As for `numba.njit`.
    """

    def decorate(function):
        dispatcher = njit(**options)(function)
        if dispatcher is function:
            return function  # as NUMBA_DISABLE_JIT says
        with suppress(RuntimeError):  # neither here nor in the user's home may anything be written
            dispatcher._cache = _Cache(function)
        for signature in signatures:
            dispatcher.compile(signature)
        if signatures:
            dispatcher.disable_compile()
        return dispatcher

    return decorate
