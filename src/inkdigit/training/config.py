"""Every setting of a training, with its default, unit, meaning and limits, and the presets."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from inkdigit.errors import InkdigitError
from inkdigit.imaging import IMAGE_SIZE
from inkdigit.utils.options import parse_values, read_toml, setting, settings_to_toml

PRESETS = ("article", "fast", "best", "record", "tiny")
Padding = Literal["same", "valid"]


@dataclass(frozen=True)
class Settings:
    """What a training does. The defaults are the `fast` preset."""

    preset: str = setting("fast", "the preset these settings started from")
    seed: int = setting(
        0, "starts every random choice: held-out rows, weights, shuffling, augmentation", "", 0, 2**32 - 1
    )

    # The network: blocks of convolutions, each block ended by pooling; then one dense layer and the ten classes.
    filters: tuple[tuple[int, ...], ...] = setting(
        ((24,), (32, 32), (128, 128)),
        "filters of each convolution, grouped into blocks",
        "",
        1,
        4096,
        'give whole numbers, a comma between blocks: "24, 32 32, 128 128" or [[24], [32, 32], [128, 128]]',
    )
    kernel_size: tuple[int, ...] = setting(
        (5, 3, 3), "side of the convolutions' kernels in each block", "pixels", 1, 28
    )
    padding: tuple[Padding, ...] = setting(
        ("valid", "same", "same"),
        "what convolutions do at the border in each block",
        allowed="give same or valid for each block, or one for all",
    )
    pooling: Literal["max", "average"] = setting("max", "how a block's end halves the picture")
    activation: Literal["relu", "leaky_relu", "elu", "gelu", "silu", "tanh"] = setting(
        "relu", "what follows every convolution and the dense layer"
    )
    batch_norm: bool = setting(True, "normalise each batch after every convolution and the dense layer")
    block_dropout: float = setting(0.0, "share of values dropped after each block", "", 0, 0.95)
    dense: int = setting(128, "width of the dense layer; 0: none", "units", 0, 65536)
    dropout: float = setting(0.5, "share of values dropped after the dense layer", "", 0, 0.95)

    # The training.
    epochs: int = setting(20, "passes over the training rows", "", 1, 10_000)
    batch_size: int = setting(128, "images in one step", "", 1, 65536)
    optimizer: Literal["adam", "adamw", "muon"] = setting("muon", "how gradients become steps")
    learning_rate: float = setting(0.015, "the highest learning rate", "", 1e-9, 10)
    schedule: Literal["constant", "one_cycle"] = setting("one_cycle", "how the learning rate moves over the training")
    warm_up: float = setting(0.2, "share of the steps in which the learning rate rises (one_cycle)", "", 0, 1)
    weight_decay: float = setting(0.02, "pull of the weights towards zero (adamw, muon)", "", 0, 10)
    label_smoothing: float = setting(0.03, "probability taken from the true class and shared by all ten", "", 0, 0.9)
    averaging: float = setting(
        0.05, "share of the training over which all weights are averaged; 0 keeps the last weights", "", 0, 1
    )
    precision: Literal["auto", "float32", "mixed_bfloat16"] = setting(
        "auto", "number format in training; auto takes bfloat16 where the processor computes in it"
    )
    training_rows: int = setting(0, "rows to train on, drawn at random beside the held-out ones; 0: all", "", 0, 10**9)
    validation_share: float = setting(
        0.04, "share of the training rows held out for the curve and the calibration", "", 0.001, 0.5
    )
    refit: bool = setting(False, "train once more on all rows, validation rows included, and keep that model")
    tta: bool = setting(
        False, "test-time augmentation: the mean prediction for an image and for it shifted by a pixel each way"
    )
    members: int = setting(1, "networks that are trained from other seeds and averaged, then taught to one", "", 1, 100)

    # What a training image may go through (each drawn evenly between minus and plus the value).
    rotation: float = setting(12.0, "rotation", "degrees", 0, 180)
    shift: float = setting(1.0, "shift, each way", "pixels", 0, 14)
    zoom: float = setting(0.12, "zoom of width and of height, as a logarithm", "", 0, 2)
    shear: float = setting(0.15, "shear, as a slope", "", 0, 2)
    elastic: float = setting(0.25, "standard deviation of the smooth random bending", "pixels", 0, 10)
    other_styles: float = setting(
        0.0, "share of the images that become drawn ones of the same digit in rare styles", "", 0, 1
    )
    real_ink: float = setting(0.0, "share of the images redrawn with other pens and proportions, as in scans", "", 0, 1)

    @property
    def augmented(self) -> bool:
        """Whether training images are changed at all."""
        values = (self.rotation, self.shift, self.zoom, self.shear, self.elastic, self.other_styles, self.real_ink)
        return any(values)


def preset(name: str) -> Settings:
    """Give the settings of a preset. Raises InkdigitError for an unknown name."""
    if name not in PRESETS:
        raise InkdigitError(f'There is no preset "{name}": choose one of {", ".join(PRESETS)}.', code="preset-unknown")
    text = (resources.files("inkdigit.training") / "presets" / f"{name}.toml").read_text(encoding="utf-8")
    return with_values(Settings(preset=name), tomllib.loads(text), f"the preset {name}")


def from_file(path: Path, base: str | None) -> Settings:
    """Read the settings of a TOML file, on top of a preset's.

    Args:
        path: the file.
        base: the preset; None means the one that the file names, or else `fast`.

    Raises:
        InkdigitError: The file is not TOML, or has an unknown setting or an invalid value.
    """
    values = read_toml(path, "`inkdigit train --print-config`")
    named = values.pop("preset", "fast")
    return with_values(preset(base or str(named)), values, str(path))


def from_manifest(values: Mapping[str, Any], where: str) -> Settings:
    """Convert the settings in a run's manifest. Raises InkdigitError, naming `where`, for what is not a setting."""
    others = {name: value for name, value in values.items() if name != "preset"}
    return with_values(Settings(preset=values.get("preset", "")), others, where)


def complete_manifest(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Add to a manifest, or to a stored job, the facts and settings that older versions did not write, at defaults."""
    settings = json.loads(json.dumps(asdict(Settings()))) | stored.get("settings", {})
    return {"member": 0, "teacher": None, **stored, "settings": settings}


def with_values(settings: Settings, values: Mapping[str, Any], where: str) -> Settings:
    """Change some settings.

    Args:
        settings: the settings to start from.
        values: new values by name, as in TOML or as texts of the command line.
        where: what an error names, such as the file.

    Raises:
        InkdigitError: A setting is unknown, a value is invalid, or the values do not fit together.
    """
    changed = parse_values(Settings, values, where, "`inkdigit train --print-config`", fixed=("preset",))
    settings = _one_value_per_block(replace(settings, **changed), changed, where)
    _check_sizes(settings, where)
    return settings


def _one_value_per_block(settings: Settings, changed: Mapping[str, Any], where: str) -> Settings:
    """Give every block a kernel size and a padding: a single given value serves all blocks."""
    blocks = len(settings.filters)
    for name in ("kernel_size", "padding"):
        values = getattr(settings, name)
        if len(values) == blocks:
            continue
        if name in changed and len(values) > 1:
            count = f"{len(values)} values for {blocks} blocks of filters"
            raise InkdigitError(
                f"{where}: {name} has {count}: give one for each block, or one for all.", code="setting-invalid"
            )
        values = values[-1:] * blocks if name in changed else stretch_to_blocks(values, blocks)
        settings = replace(settings, **{name: values})
    return settings


def _check_sizes(settings: Settings, where: str) -> None:
    """Raise InkdigitError where a block leaves nothing of the image."""
    size = IMAGE_SIZE
    parts = zip(settings.filters, settings.kernel_size, settings.padding, strict=True)
    for block, (filters, kernel_size, padding) in enumerate(parts, start=1):
        size = (size - len(filters) * (kernel_size - 1) * (padding == "valid")) // 2
        if size < 1:
            raise InkdigitError(
                f"{where}: nothing of a {IMAGE_SIZE}x{IMAGE_SIZE} image is left after block {block} "
                'of the network: give fewer blocks or convolutions, smaller kernels, or padding "same".',
                code="setting-invalid",
            )


def stretch_to_blocks(values: tuple[Any, ...], blocks: int) -> tuple[Any, ...]:
    """Fit a preset's values to another number of blocks: cut them, or repeat the last one."""
    return (values + values[-1:] * blocks)[:blocks]


def to_toml(settings: Settings) -> str:
    """Write all settings as a TOML file with a comment for each, which `from_file` reads."""
    return settings_to_toml(settings, "What a training does: inkdigit train --config THIS_FILE")
