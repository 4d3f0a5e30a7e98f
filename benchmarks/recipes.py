"""Accuracy and training time of the presets and of the best-known single Keras recipe, on the Kaggle protocol.

    .venv/bin/python benchmarks/recipes.py fast --seeds 0 1 2
    .venv/bin/python benchmarks/recipes.py fast article keras30 --seeds 0

Split and training seed vary together. The scored 28,000 rows are read once, after the training. Finished trainings
are kept under runs/ and reused, so the script continues where it was stopped.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from inkdigit.data.split import kaggle_split
from inkdigit.evaluation.metrics import evaluate, wilson_interval
from inkdigit.training import backend
from inkdigit.training.augment.geometric import augment
from inkdigit.training.config import Settings
from inkdigit.utils.hardware import describe_hardware

RUNS = Path("runs")
KERAS30 = Settings(rotation=15, zoom=0.15, shift=2.8, shear=0, elastic=0, batch_size=64, epochs=30)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="+", choices=["fast", "article", "best", "keras30"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    arguments = parser.parse_args()
    rows: dict[str, list[dict[str, Any]]] = {}
    for seed in arguments.seeds:
        for recipe in arguments.recipes:
            result = keras30(seed) if recipe == "keras30" else preset(recipe, seed)
            rows.setdefault(recipe, []).append(result)
            print(json.dumps({"recipe": recipe, "seed": seed} | result), flush=True)
    print(f"\nKaggle protocol (42,000 / 28,000), seeds {arguments.seeds}; {describe_hardware()}\n")
    print("| recipe | accuracy, mean ± sd | 95 % interval of the pooled predictions | parameters | training |")
    print("|---|---|---|---|---|")
    for recipe, results in rows.items():
        print(table_row(recipe, results))


def table_row(recipe: str, results: list[dict[str, Any]]) -> str:
    accuracies = [100 * result["correct"] / result["total"] for result in results]
    spread = f" ± {statistics.stdev(accuracies):.3f}" if len(results) > 1 else ""
    low, high = wilson_interval(sum(r["correct"] for r in results), sum(r["total"] for r in results))
    seconds = statistics.mean(result["seconds"] for result in results)
    return (
        f"| {recipe} | {statistics.mean(accuracies):.3f} %{spread} ({len(results)} seeds) "
        f"| {100 * low:.2f}–{100 * high:.2f} | {results[0]['parameters']:,} | {seconds:.0f} s |"
    )


def preset(name: str, seed: int) -> dict[str, Any]:
    """One training of a preset by the command itself."""
    out = RUNS / f"recipes-{name}-seed{seed}"
    command = [sys.executable, "-m", "inkdigit", "train"]
    subprocess.run([*command, "--preset", name, "--seed", str(seed), "--out", str(out)], check=True, stdout=sys.stderr)
    manifest = json.loads((out / "manifest.json").read_text())
    metrics = json.loads((out / "metrics.json").read_text())
    figures = metrics["evaluation"]
    return {
        "correct": figures["correct"],
        "total": figures["total"],
        "parameters": manifest["parameters"],
        "seconds": metrics["training_seconds"],
    }


def keras30(seed: int) -> dict[str, Any]:
    """The best-known single Keras recipe, as published; its images are augmented by our code, which is faster."""
    kept = RUNS / f"recipes-keras30-seed{seed}.json"
    if kept.is_file():
        return json.loads(kept.read_text())
    backend.prepare()
    backend.seed_everything(seed, deterministic=False)
    train, scored = kaggle_split(seed=seed)
    model = keras30_model()
    one_hot = np.eye(10, dtype=np.float32)[train.required_labels]
    started = time.perf_counter()
    for epoch in range(KERAS30.epochs):
        rng = np.random.default_rng((seed, epoch))
        model.optimizer.learning_rate = 1e-3 * 0.95**epoch
        order = rng.permutation(len(train))
        for rows in np.split(order, range(KERAS30.batch_size, len(order), KERAS30.batch_size)):
            model.train_on_batch(augment(train.images[rows], train.required_labels[rows], KERAS30, rng), one_hot[rows])
        print(f"keras30, epoch {epoch + 1}: {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
    seconds = time.perf_counter() - started
    from inkdigit.training.trainer import predict

    evaluation = evaluate(predict(model, scored.images), scored.required_labels)
    result = {
        "correct": evaluation.correct,
        "total": evaluation.total,
        "parameters": model.count_params(),
        "seconds": seconds,
    }
    kept.parent.mkdir(exist_ok=True)
    kept.write_text(json.dumps(result))
    return result


def keras30_model() -> Any:
    import keras
    from keras import layers

    def convolution(filters: int, kernel_size: int, **options: Any) -> list[Any]:
        return [
            layers.Conv2D(filters, kernel_size, activation="relu", **options),
            layers.BatchNormalization(),
        ]

    model = keras.Sequential(
        [
            keras.Input((28, 28), dtype="uint8"),
            layers.Rescaling(1 / 255),
            layers.Reshape((28, 28, 1)),
            *convolution(32, 3),
            *convolution(32, 3),
            *convolution(32, 5, strides=2, padding="same"),
            layers.Dropout(0.4),
            *convolution(64, 3),
            *convolution(64, 3),
            *convolution(64, 5, strides=2, padding="same"),
            layers.Dropout(0.4),
            *convolution(128, 4),
            layers.Flatten(),
            layers.Dropout(0.4),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "categorical_crossentropy", jit_compile=backend.jit_compile())
    return model


if __name__ == "__main__":
    main()
