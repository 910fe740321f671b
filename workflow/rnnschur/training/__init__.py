"""Training: engines behind one function, the schedule and the history, blocks that resume.

An engine turns batches into losses, gradients and better weights. The reference engine is plain
PyTorch with autograd, for any cell and on any device; the fast engine is the CPU kernel of
`rnnschur.kernels`, for the tanh cell. Both take the same steps of Adam, and everything else, from
the start to the batches, is shared, so that the two can be compared number by number.
"""

from rnnschur.extras import require

require("rnnschur.training", "training")

from rnnschur.training.train import Diverged, Schedule, Training, train  # noqa: E402

__all__ = ["Diverged", "Schedule", "Training", "train"]
