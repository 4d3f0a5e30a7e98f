"""The optimizers that a training may use."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from inkdigit.errors import InkdigitError
from inkdigit.training.config import Settings

# What ConvMuon overrides and uses of Keras's Muon, which promises none of it.
MUON_METHODS = ("_should_use_adamw", "_muon_update_step", "zeropower_via_newtonschulz5", "lr_adjust")
MUON_ATTRIBUTES = ("momentum", "ns_steps", "muon_a", "muon_b", "muon_c")


def require_muon(muon: type = keras.optimizers.Muon) -> None:
    """Raise InkdigitError where Keras's Muon is not built as ConvMuon needs it."""
    missing = [name for name in MUON_METHODS if not callable(getattr(muon, name, None))]
    missing += [name for name in MUON_ATTRIBUTES if not missing and not hasattr(muon(), name)]
    if missing:
        raise InkdigitError(
            f"Keras {keras.__version__} has another Muon, without {' and '.join(missing)}: install keras 3.15, "
            "or train with --optimizer adamw.",
            code="keras-unsupported",
        )


def build_optimizer(settings: Settings) -> keras.optimizers.Optimizer:
    """Make a fresh optimizer from the settings. Raises InkdigitError where Keras's Muon is another one."""
    rate, decay = settings.learning_rate, settings.weight_decay
    match settings.optimizer:
        case "adam":
            return keras.optimizers.Adam(rate)
        case "adamw":
            return keras.optimizers.AdamW(rate, weight_decay=decay)
        case "muon":
            require_muon()
            return ConvMuon(rate, weight_decay=decay, adam_weight_decay=decay)


class ConvMuon(keras.optimizers.Muon):
    """Muon for convolutions: kernels are updated by orthogonalized momentum, everything else by AdamW.

    Keras's Muon leaves kernels of four dimensions to AdamW. Here each is a matrix, one column for each filter, as in
    Jordan et al., 2024, "Muon: An optimizer for hidden layers in neural networks". The first layer's kernels, which
    see one channel, and the dense layers stay with AdamW. One learning rate serves both, since Keras scales Muon's
    steps to the size of AdamW's (Liu et al., 2025, "Muon is scalable for LLM training").
    """

    def _should_use_adamw(self, variable: Any) -> bool:
        return len(variable.shape) != 4 or variable.shape[2] == 1

    def _muon_update_step(self, gradient: Any, variable: Any, lr: Any, m: Any) -> None:
        self.assign_add(m, ops.add(gradient, ops.multiply(m, self.momentum - 1)))
        momentum = ops.add(gradient, ops.multiply(m, self.momentum))  # Nesterov's
        matrix = ops.reshape(momentum, (-1, variable.shape[-1]))
        step = self.lr_adjust(ops.multiply(lr, self.zeropower_via_newtonschulz5(matrix, self.ns_steps)))
        self.assign_sub(variable, ops.reshape(step, variable.shape))

    def zeropower_via_newtonschulz5(self, x: Any, steps: int) -> Any:
        """Do what Keras's method does in less time: iterate on the small Gram matrix, and read the kernels only twice.

        With S = x'x, x -> x (a + b S + c S^2) turns S into S (a + b S + c S^2)^2, for all of these commute.
        """
        if x.shape[0] < x.shape[1]:
            return ops.transpose(self.zeropower_via_newtonschulz5(ops.transpose(x), steps))
        gram: Any = ops.matmul(ops.transpose(x), x)
        size: Any = ops.add(ops.trace(gram), 1e-14)
        identity: Any = ops.eye(x.shape[1], dtype=x.dtype)
        gram, product = gram / size, identity / ops.sqrt(size)
        for _ in range(steps):
            square: Any = ops.matmul(gram, gram)
            factor = self.muon_a * identity + self.muon_b * gram + self.muon_c * square
            product = ops.matmul(product, factor)
            gram = ops.matmul(ops.matmul(gram, factor), factor)
        return ops.matmul(x, product)
