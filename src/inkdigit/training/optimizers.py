"""The optimizers a training may use."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from inkdigit.training.config import Settings


def build_optimizer(settings: Settings) -> keras.optimizers.Optimizer:
    """A fresh optimizer as the settings ask."""
    rate, decay = settings.learning_rate, settings.weight_decay
    match settings.optimizer:
        case "adam":
            return keras.optimizers.Adam(rate)
        case "adamw":
            return keras.optimizers.AdamW(rate, weight_decay=decay)
        case "muon":
            return ConvMuon(rate, weight_decay=decay, adam_weight_decay=decay)


class ConvMuon(keras.optimizers.Muon):
    """Muon for convolutions: kernels learn by orthogonalised momentum, everything else by AdamW.

    Keras's Muon leaves kernels of four dimensions to AdamW. Here each is taken as a matrix, one column a filter, as its
    author does (Jordan et al., 2024, "Muon: An optimizer for hidden layers in neural networks"). The first layer's
    kernels, which see one channel, and the dense layers stay with AdamW. One learning rate serves both, since Keras
    scales Muon's steps to the size of AdamW's (Liu et al., 2025, "Muon is scalable for LLM training").
    """

    def _should_use_adamw(self, variable: Any) -> bool:
        return len(variable.shape) != 4 or variable.shape[2] == 1

    def _muon_update_step(self, gradient: Any, variable: Any, lr: Any, m: Any) -> None:
        self.assign_add(m, ops.add(gradient, ops.multiply(m, self.momentum - 1)))
        ahead = ops.add(gradient, ops.multiply(m, self.momentum))  # Nesterov's
        matrix = ops.reshape(ahead, (-1, variable.shape[-1]))
        step = self.lr_adjust(ops.multiply(lr, self.zeropower_via_newtonschulz5(matrix, self.ns_steps)))
        self.assign_sub(variable, ops.reshape(step, variable.shape))

    def zeropower_via_newtonschulz5(self, x: Any, steps: int) -> Any:
        """Keras's method in less time: the iterations work on the small Gram matrix, the kernels are touched twice.

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
