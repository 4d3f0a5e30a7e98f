"""Trains the line model that ships, on strips synthesised from MNIST's 60,000 training images.

    .venv/bin/python tools/ship_line.py

The training is kept in runs/line and resumed from there; its network is written into the package, with a manifest.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from inkdigit.runs.run import ONNX_MODEL, write_manifest
from inkdigit.training import backend
from inkdigit.utils.files import atomic
from inkdigit.utils.hardware import describe_hardware

ROOT = Path(__file__).parents[1]
COMMAND = "python tools/ship_line.py"
SEED = 0


def main() -> None:
    """Train, unless the training is finished; write the network."""
    backend.prepare()
    from inkdigit.reading.line_model.network import to_onnx
    from inkdigit.reading.line_model.spec import SHIPPED_LINE_MODEL
    from inkdigit.reading.line_model.train import BATCH, EPOCHS, PHASES, Training

    training = Training(ROOT / "runs" / "line", SEED)
    for epoch, loss in training.run():
        print(f"epoch {epoch + 1} of {EPOCHS}: loss {loss:.4f}", flush=True)
    folder = SHIPPED_LINE_MODEL
    folder.mkdir(parents=True, exist_ok=True)
    with atomic(folder / ONNX_MODEL) as temporary:
        temporary.write_bytes(to_onnx(training.result()))
    manifest = {
        "made_by": COMMAND,
        "data": "strips and pages synthesised from MNIST's 60,000 training images",
        "settings": {
            "seed": SEED,
            "batch_size": BATCH,
            "phases": [asdict(phase) for phase in PHASES],
        },
        "machine": describe_hardware(),
    }
    write_manifest(folder, [ONNX_MODEL], manifest)


if __name__ == "__main__":
    main()
