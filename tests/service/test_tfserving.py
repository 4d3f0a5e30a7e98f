"""TensorFlow Serving's REST API: requests that its documentation allows, and others."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from inkdigit.data.dataset import Dataset
from inkdigit.imaging.preprocess import prepare
from inkdigit.recognizer import Recognizer
from tests.service.inprocess import LocalService, local_service

PREDICT = "/v1/models/digits:predict"

Pixels = NDArray[np.uint8]


@pytest.fixture(scope="module")
def client(models: Path) -> Generator[LocalService]:
    with local_service(models=str(models), max_images=8) as server:
        yield server


@pytest.fixture
def pixels(real_digits: Dataset) -> Pixels:
    return real_digits.images[5000:5003]


def png(image: Pixels) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    return stream.getvalue()


FORMS: dict[str, Callable[[Pixels], Any]] = {
    "28x28": lambda pixels: pixels.tolist(),
    "28x28x1": lambda pixels: pixels[..., np.newaxis].tolist(),
    "784": lambda pixels: pixels.reshape(-1, 784).tolist(),
    "floats": lambda pixels: pixels.astype(np.float32).tolist(),
}


@pytest.mark.parametrize("form", FORMS)
def test_pixels_in_either_format_are_answered_as_the_recognizer_answers(
    client: LocalService, models: Path, pixels: Pixels, form: str
) -> None:
    expected = Recognizer.load(models / "2").predict_proba(pixels)
    images = FORMS[form](pixels)
    rows = [{"instances": images}, {"instances": [{"pixels": image} for image in images]}]
    columns = [{"inputs": images}, {"signature_name": "serving_default", "inputs": {"pixels": images}}]
    for key, bodies in (("predictions", rows), ("outputs", columns)):
        for body in bodies:
            answer = client.post(PREDICT, json=body)
            assert answer.status_code == 200, answer.text
            assert answer.headers["content-type"] == "application/json"
            assert list(answer.json()) == [key]
            np.testing.assert_allclose(answer.json()[key], expected, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("named", [False, True])
def test_picture_files_go_through_the_preparation(
    client: LocalService, models: Path, pixels: Pixels, named: bool
) -> None:
    files = [png(np.pad(image, 9)) for image in pixels]
    expected = Recognizer.load(models / "2").predict_proba(np.stack([prepare(file) for file in files]))
    instances: list[Any] = [{"b64": base64.b64encode(file).decode()} for file in files]
    answer = client.post(PREDICT, json={"instances": [{"pixels": item} for item in instances] if named else instances})
    np.testing.assert_allclose(answer.json()["predictions"], expected, rtol=1e-5, atol=1e-9)


def test_each_version_answers_by_itself_and_the_highest_without_one(
    client: LocalService, models: Path, pixels: Pixels
) -> None:
    body = {"instances": pixels.tolist()}
    for version in ("1", "2"):
        answer = client.post(f"/v1/models/digits/versions/{version}:predict", json=body)
        expected = Recognizer.load(models / version).predict_proba(pixels)
        np.testing.assert_allclose(answer.json()["predictions"], expected, rtol=1e-5, atol=1e-9)
    assert client.post(PREDICT, json=body).json() == answer.json()


def test_the_status_lists_the_versions(client: LocalService) -> None:
    def status(version: str) -> dict[str, Any]:
        return {"version": version, "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}

    everything = client.get("/v1/models/digits")
    assert everything.json() == {"model_version_status": [status("2"), status("1")]}
    assert client.get("/v1/models/digits/versions/1").json() == {"model_version_status": [status("1")]}


def test_the_metadata_hold_the_signature(client: LocalService) -> None:
    content = client.get("/v1/models/digits/metadata").json()
    assert content["model_spec"] == {"name": "digits", "signature_name": "", "version": "2"}
    signature = content["metadata"]["signature_def"]["signature_def"]["serving_default"]
    pixels, probabilities = signature["inputs"]["pixels"], signature["outputs"]["probabilities"]
    assert (pixels["dtype"], probabilities["dtype"]) == ("DT_UINT8", "DT_FLOAT")
    assert [side["size"] for side in pixels["tensor_shape"]["dim"]] == ["-1", "28", "28"]
    assert [side["size"] for side in probabilities["tensor_shape"]["dim"]] == ["-1", "10"]
    assert signature["method_name"] == "tensorflow/serving/predict"
    one = client.get("/v1/models/digits/versions/1/metadata").json()
    assert one["model_spec"]["version"] == "1"


@pytest.mark.parametrize("model", ["mnist", "digits/versions/3", "digits/versions/x", "digits/versions/" + "9" * 5000])
def test_a_model_that_is_not_there_is_404(client: LocalService, pixels: Pixels, model: str) -> None:
    asked = client.post(f"/v1/models/{model}:predict", json={"instances": pixels.tolist()})
    for answer in (asked, client.get(f"/v1/models/{model}"), client.get(f"/v1/models/{model}/metadata")):
        assert answer.status_code == 404
        assert list(answer.json()) == ["error"]
        assert len(answer.text) < 200


IMAGE = [[0] * 28] * 28

BAD: dict[str, tuple[Any, str]] = {
    "empty": (b"", "body"),
    "no JSON": (b"instances = [1, 2]", "body"),
    "truncated": (json.dumps({"instances": [IMAGE]}).encode()[:-9], "body"),
    "NaN": (b'{"instances": [[[NaN]]]}', "body"),
    "invalid UTF-8": (b'{"note": "\xff", "instances": ' + json.dumps([IMAGE]).encode() + b"}", "body"),
    "deep": (b'{"instances": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "body"),
    "deep elsewhere": (b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "body"),
    "a list": ([], ""),
    "neither": ({}, '"instances"'),
    "both": ({"instances": [IMAGE], "inputs": [IMAGE]}, '"instances"'),
    "null": ({"instances": None}, "instances:"),
    "no instance": ({"instances": []}, "instances:"),
    "no row": ({"instances": [[]]}, "instances[0]:"),
    "a single image": ({"instances": IMAGE}, "instances: This is one image"),
    "27 rows": ({"instances": [IMAGE, IMAGE[1:]]}, "instances[1]:"),
    "29 columns": ({"instances": [[[0] * 29] * 28]}, "instances[0][0]:"),
    "ragged": ({"instances": [[*IMAGE[1:], [0] * 27]]}, "instances[0][27]:"),
    "783 in a row": ({"instances": [[0] * 783]}, "instances[0]:"),
    "two channels": ({"instances": [[[[0, 0]] * 28] * 28]}, "instances[0][0][0]:"),
    "too deep": ({"instances": [[[[[0]]]]]}, "instances[0]"),
    "mixed shapes": ({"instances": [IMAGE, [0] * 784]}, "instances[1][0]:"),
    "mixed forms": ({"instances": [{"pixels": IMAGE}, IMAGE]}, "instances[1]:"),
    "256": ({"instances": [[[256] * 28] * 28]}, "instances[0][0][0]:"),
    "negative": ({"instances": [[[-1] * 28] * 28]}, "instances[0][0][0]:"),
    "huge integer": (b'{"instances": [[[' + b"9" * 5000 + b"]]]}", "instances[0][0][0]:"),
    "a fraction": ({"inputs": [[[0.5] * 28] * 28]}, "inputs[0][0][0]:"),
    "true": ({"instances": [[[True] * 28] * 28]}, "instances[0][0][0]:"),
    "text": ({"instances": [[["0"] * 28] * 28]}, "instances[0][0][0]:"),
    "another input": ({"instances": [{"image": IMAGE}]}, "instances[0]:"),
    "an endless name": ({"instances": [{"x" * 100_000: IMAGE}]}, "instances[0]:"),
    "another column": ({"inputs": {"image": IMAGE}}, "inputs:"),
    "no base64": ({"instances": [{"b64": "?"}]}, "instances[0].b64"),
    "no picture": ({"instances": [{"b64": "aGFsbG8="}]}, "instances[0].b64"),
    "blank picture": (
        {"instances": [{"b64": base64.b64encode(png(np.full((40, 40), 255, np.uint8))).decode()}]},
        "instances[0].b64",
    ),
    "another signature": ({"signature_name": "classify", "instances": [IMAGE]}, "serving_default"),
    "signature is no text": ({"signature_name": 100, "instances": [IMAGE]}, "signature_name:"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_400_and_says_where(client: LocalService, case: str) -> None:
    body, place = BAD[case]
    answer = client.post(PREDICT, content=body if isinstance(body, bytes) else json.dumps(body))
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert list(answer.json()) == ["error"]
    assert place in answer.json()["error"]
    assert len(answer.text) < 400


@pytest.mark.parametrize("instance", [IMAGE, {"pixels": IMAGE}, {"b64": ""}])
def test_too_many_images_are_413_and_name_the_setting(client: LocalService, instance: Any) -> None:
    answer = client.post(PREDICT, json={"instances": [instance] * 9})
    assert answer.status_code == 413
    assert "max_images" in answer.json()["error"]
