"""A run folder as somebody might send it, whose files would run code where a reader lets them: they make a file."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, helper

from inkdigit.data.dataset import Dataset
from inkdigit.runs.run import KERAS_MODEL, ONNX_MODEL, read_run, write_manifest
from tests.conftest import part
from tests.handmade import make_run


def stranger_run(folder: Path, digits: Dataset, **settings: Any) -> Path:
    """A run that is complete, with a model that works; the tests replace one of its files."""
    make_run(folder, part(digits, slice(300)), part(digits, slice(300, 400)), **settings)
    manifest = read_run(folder).manifest
    manifest["figures"]["training_rows"] = 300
    write_manifest(folder, manifest.pop("files"), manifest)
    return folder


def put(run: Path, name: str, content: bytes) -> None:
    """Write a file of a run, and its checksum, as a stranger can."""
    (run / name).write_bytes(content)
    manifest = read_run(run).manifest
    files = {*manifest.pop("files"), name}
    write_manifest(run, files, manifest)


class _MakesAFile:
    """Its pickle makes a file when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str, str]]:
        return open, (str(self.path), "w")


def pickled_npz(proof: Path, *names: str) -> bytes:
    """An NPZ file whose arrays are pickles that make the file `proof`."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            array = np.empty(1, object)
            array[0] = _MakesAFile(proof)
            content = io.BytesIO()
            np.lib.format.write_array(content, array, allow_pickle=True)
            archive.writestr(f"{name}.npy", content.getvalue())
    return stream.getvalue()


def keras_with_lambda(proof: Path, folder: Path) -> bytes:
    """A .keras file with a Lambda layer that makes the file `proof`."""
    import keras

    # Keras keeps a named function by its name alone, and a lambda as code.
    write: Any = eval(f"lambda pixels: (open({str(proof)!r}, 'w').close(), pixels)[1]")
    layers = [keras.layers.Lambda(write, output_shape=(28, 28)), keras.layers.Flatten(), keras.layers.Dense(10)]
    keras.Sequential([keras.Input((28, 28), dtype="uint8"), *layers]).save(folder / KERAS_MODEL)
    content = (folder / KERAS_MODEL).read_bytes()
    proof.unlink(missing_ok=True)  # building the model has called it
    return content


def keras_with_class(proof: Path, keras_file: bytes) -> bytes:
    """A .keras file whose first layer is `subprocess.Popen`, with arguments that make the file `proof`."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(keras_file)) as source, zipfile.ZipFile(stream, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "config.json":
                config = json.loads(content)
                config["config"]["layers"][1] = {
                    "module": "subprocess",
                    "class_name": "Popen",
                    "config": {"args": ["touch", str(proof)]},
                    "registered_name": None,
                }
                content = json.dumps(config).encode()
            target.writestr(name, content)
    return stream.getvalue()


def with_external_data(model: bytes, location: str) -> bytes:
    """An ONNX model whose weights are in the file `location`."""
    proto = ModelProto.FromString(model)
    weights = proto.graph.initializer[0]
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    weights.external_data.add(key="location", value=location)
    return proto.SerializeToString()


def with_custom_op(model: bytes) -> bytes:
    """An ONNX model with an operation that a library of its maker's would have to bring."""
    proto = ModelProto.FromString(model)
    proto.opset_import.append(helper.make_opsetid("stranger", 1))
    proto.graph.node[-1].domain = "stranger"
    return proto.SerializeToString()


def replace_model(run: Path, change: Callable[[bytes], bytes]) -> None:
    """Change a run's ONNX model."""
    put(run, ONNX_MODEL, change((run / ONNX_MODEL).read_bytes()))
