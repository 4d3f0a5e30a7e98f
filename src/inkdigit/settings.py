"""Every knob a person may turn, with its default, unit and meaning, and the presets."""

from __future__ import annotations

from dataclasses import Field, dataclass, field, fields, replace
from typing import Any, Literal

from inkdigit.errors import InkdigitError


def knob(default: Any, meaning: str, unit: str = "") -> Any:
    """A settings field that explains itself."""
    return field(default=default, metadata={"meaning": meaning, "unit": unit})


@dataclass(frozen=True)
class Settings:
    """What a training does. The defaults are the `fast` preset."""

    preset: str = knob("fast", "the preset these settings started from")
    seed: int = knob(0, "starts every random choice: validation rows, weights, shuffling, augmentation")

    # The network: blocks of convolutions, each block ended by pooling; then one dense layer and the ten classes.
    filters: tuple[tuple[int, ...], ...] = knob(
        ((24,), (32, 32), (128, 128)), "filters of each convolution, grouped into blocks"
    )
    kernel_size: tuple[int, ...] = knob((5, 3, 3), "side of the convolutions' kernels in each block", "pixels")
    padding: tuple[Literal["same", "valid"], ...] = knob(
        ("valid", "same", "same"), "what convolutions do at the border in each block"
    )
    pooling: Literal["max", "average"] = knob("max", "how a block's end halves the picture")
    activation: Literal["relu", "leaky_relu", "elu", "gelu", "silu", "tanh"] = knob(
        "relu", "what follows every convolution and the dense layer"
    )
    batch_norm: bool = knob(True, "normalise each batch after every convolution and the dense layer")
    block_dropout: float = knob(0.0, "share of values dropped after each block")
    dense: int = knob(128, "width of the dense layer", "units")
    dropout: float = knob(0.5, "share of values dropped after the dense layer")

    # The training.
    epochs: int = knob(14, "passes over the training rows", "epochs")
    batch_size: int = knob(128, "images in one step", "images")
    optimizer: Literal["adam", "adamw", "muon"] = knob("muon", "how gradients become steps")
    learning_rate: float = knob(0.015, "the highest learning rate")
    schedule: Literal["constant", "one_cycle"] = knob("one_cycle", "how the learning rate moves over the training")
    warm_up: float = knob(0.2, "share of the steps in which the learning rate rises (one_cycle)")
    weight_decay: float = knob(0.02, "pull of the weights towards zero (adamw, muon)")
    label_smoothing: float = knob(0.03, "probability taken from the true class and shared by all ten")
    averaging: float = knob(
        0.05, "share of the training that the running average of all weights remembers; 0 keeps the last weights"
    )
    precision: Literal["auto", "float32", "mixed_bfloat16"] = knob(
        "auto", "number format in training; auto takes bfloat16 where the processor computes in it"
    )
    validation_rows: int = knob(2000, "training rows held out for the curve and the calibration", "rows")
    refit: bool = knob(False, "train once more on all rows, validation rows included, and keep that model")

    # What a training image may go through (each drawn evenly between minus and plus the value).
    rotation: float = knob(12.0, "rotation", "degrees")
    shift: float = knob(1.0, "shift, each way", "pixels")
    zoom: float = knob(0.12, "zoom of width and of height, as a logarithm")
    shear: float = knob(0.15, "shear, as a slope")
    elastic: float = knob(0.25, "standard deviation of the smooth random bending", "pixels")

    @property
    def augmented(self) -> bool:
        """Whether training images are changed at all."""
        return any((self.rotation, self.shift, self.zoom, self.shear, self.elastic))


PRESETS: dict[str, Settings] = {
    "article": Settings(
        preset="article",
        filters=((32, 32), (64, 64)),
        kernel_size=(3, 3),
        padding=("valid", "valid"),
        batch_norm=False,
        block_dropout=0.25,
        dense=256,
        epochs=12,
        optimizer="adam",
        learning_rate=1e-3,
        schedule="constant",
        label_smoothing=0.0,
        averaging=0.0,
        rotation=0.0,
        shift=0.0,
        zoom=0.0,
        shear=0.0,
        elastic=0.0,
    ),
    "fast": Settings(),
    "best": replace(Settings(), preset="best", filters=((32,), (48, 48), (192, 192)), epochs=12, refit=True),
}


def preset(name: str) -> Settings:
    """The settings of a preset; InkdigitError for a name that is none."""
    if name not in PRESETS:
        raise InkdigitError(f'There is no preset "{name}": choose one of {", ".join(PRESETS)}.')
    return PRESETS[name]


def describe(settings: Settings) -> list[tuple[str, str, str, str]]:
    """Name, value, unit and meaning of every setting, in order, for people to read."""
    return [(f.name, _readable(getattr(settings, f.name)), *_explained(f)) for f in fields(settings)]


def _explained(f: Field[Any]) -> tuple[str, str]:
    return f.metadata["unit"], f.metadata["meaning"]


def _readable(value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(f"({_readable(part)})" if isinstance(part, tuple) else str(part) for part in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
