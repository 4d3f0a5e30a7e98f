"""`inkdigit export`: a run -> its model as one ONNX file."""

from __future__ import annotations

from pathlib import Path

import click

from inkdigit.cli.group import print_lines
from inkdigit.cli.options import FILE
from inkdigit.errors import InkdigitError
from inkdigit.utils.extras import require_extra

SCALE_IMAGES = 1000  # images, from which the scales of an 8-bit model are taken


@click.command()
@click.argument("run", type=FILE)
@click.option("--int8", is_flag=True, help="In 8-bit integers: a quarter of the bytes.")
@click.option("--data", type=FILE, help="With --int8: digits that set the scales.  [default: MNIST's training rows]")
@click.option("-o", "--output", type=FILE, required=True, help="The ONNX file.")
def export(run: Path, int8: bool, data: Path | None, output: Path) -> None:
    """Write a run's model, checked against its manifest, as one ONNX file.

    It takes pixels (N, 28, 28) uint8, ink bright on dark, and gives (N, 10) probabilities.
    """
    if data and not int8:
        raise InkdigitError("--data is for the scales of an 8-bit model: add --int8.", code="option-conflict")
    if int8:
        require_extra("train", "An 8-bit model", "onnx")
    from inkdigit.runs.run import ONNX_MODEL, read_verified
    from inkdigit.utils.files import atomic

    model = read_verified(run, ONNX_MODEL)
    if int8:
        model = _to_int8(model, data)
    with atomic(output) as temporary:
        temporary.write_bytes(model)
    print_lines(f"{output}: {len(model):,} bytes")


def _to_int8(model: bytes, data: Path | None) -> bytes:
    from inkdigit.data import mnist
    from inkdigit.data.loading import read_dataset
    from inkdigit.export.int8 import to_int8

    rows = read_dataset(data) if data else mnist.load()[0]
    return to_int8(model, rows.images[:SCALE_IMAGES])
