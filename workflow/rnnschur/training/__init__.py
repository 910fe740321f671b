"""Training: engines behind one function, Adam, the schedule and the history, blocks that resume.

An engine turns a batch into a loss and gradients. The reference engine is plain PyTorch with
autograd, for any cell and on any device; the fast engine is the CPU kernel of `rnnschur.kernels`,
for the tanh cell. Everything else, from the batches to Adam, is shared, so that the two can be
compared number by number.
"""

from rnnschur.extras import require

require("rnnschur.training", "training")

from rnnschur.training.train import Diverged, Schedule, train  # noqa: E402

__all__ = ["Diverged", "Schedule", "train"]
