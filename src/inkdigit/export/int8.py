"""A network in 8-bit integers, for browsers and microcontrollers: a quarter of the bytes (of `tiny`, three fifths)."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkdigit.errors import InkdigitError
from inkdigit.recognizer import check_images
from inkdigit.utils.external_data import refuse_external_data

CALIBRATION_BATCH = 100  # images


def to_int8(model: bytes, images: NDArray[np.uint8]) -> bytes:
    """Quantize an ONNX model: weights and activations in 8-bit integers.

    Weights have a scale for each filter; the probabilities stay float32. Jacob et al., "Quantization and training of
    neural networks for efficient integer-arithmetic-only inference", 2018.

    Args:
        model: the bytes of an ONNX file as `inkdigit.export.onnx` writes it.
        images: (N, 28, 28) uint8, from whose activations the scales are taken.

    Returns:
        The bytes of the quantized ONNX file.

    Raises:
        InkdigitError: There are no images, the array is another one, or the model takes weights from other files.
    """
    check_images(images)
    refuse_external_data(model)
    if not len(images):
        raise InkdigitError(
            "The scales of 8-bit integers are taken from images: give some hundred.", code="images-missing"
        )
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Images(quantization.CalibrationDataReader):
        def __init__(self) -> None:
            self.batches = iter(np.array_split(images, max(len(images) // CALIBRATION_BATCH, 1)))

        def get_next(self) -> dict[str, NDArray[np.uint8]] | None:  # type: ignore[override]
            batch = next(self.batches, None)
            return None if batch is None else {"pixels": batch}

    with tempfile.TemporaryDirectory() as folder:
        plain, ready, small = (Path(folder) / f"{name}.onnx" for name in ("plain", "ready", "small"))
        plain.write_bytes(model)
        quant_pre_process(plain, ready, skip_symbolic_shape=True)
        quantization.quantize_static(
            ready,
            small,
            Images(),
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            op_types_to_quantize=["Conv", "Gemm", "MatMul", "MaxPool", "Relu"],
        )
        return small.read_bytes()
