"""The Open Inference Protocol: valid requests in JSON and in bytes, and invalid ones."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from inkdigit.data.dataset import Dataset
from inkdigit.recognizer import Recognizer
from tests.service.inprocess import LocalService, local_service

INFER = "/v2/models/digits/infer"
HEADER = "Inference-Header-Content-Length"

Pixels = NDArray[np.uint8]


@pytest.fixture(scope="module")
def client(models: Path) -> Generator[LocalService]:
    with local_service(models=str(models), max_images=8) as server:
        yield server


@pytest.fixture
def pixels(real_digits: Dataset) -> Pixels:
    return real_digits.images[5000:5003]


def call(pixels: NDArray[Any], **more: Any) -> dict[str, Any]:
    """A request in JSON, its data flat; `more` changes the tensor."""
    given = {"name": "pixels", "shape": list(pixels.shape), "datatype": "UINT8", "data": pixels.ravel().tolist()}
    return {"inputs": [given | more]}


def test_data_may_be_nested_or_flat_and_unknown_parameters_are_ignored(client: LocalService, pixels: Pixels) -> None:
    flat = call(pixels)
    nested = call(pixels, data=pixels.tolist(), parameters={"note": "mine", "weight": 2.5, "twice": True})
    nested |= {"parameters": {"priority": 1, "timeout": 10}, "model_name": "digits", "outputs": []}
    first, second = client.post(INFER, json=flat), client.post(INFER, json=nested)
    assert first.status_code == 200, first.text
    assert first.headers["content-type"] == "application/json"
    assert "id" not in first.json()
    assert first.json() == second.json()
    assert first.json()["outputs"][0]["shape"] == [3, 10]
    assert len(first.json()["outputs"][0]["data"]) == 30


@pytest.mark.parametrize(("of_request", "of_output", "binary"), [(True, False, False), (False, True, True)])
def test_the_parameter_of_an_output_wins_over_that_of_the_request(
    client: LocalService, pixels: Pixels, of_request: bool, of_output: bool, binary: bool
) -> None:
    body = call(pixels) | {"parameters": {"binary_data_output": of_request}}
    body["outputs"] = [{"name": "probabilities", "parameters": {"binary_data": of_output}}]
    answer = client.post(INFER, json=body)
    assert (HEADER in answer.headers) == binary
    assert answer.headers["content-type"] == ("application/octet-stream" if binary else "application/json")


def test_the_bytes_alone_are_a_request_too(client: LocalService, models: Path, pixels: Pixels) -> None:
    answer = client.post(INFER, content=pixels.tobytes(), headers={HEADER: "0"})
    found = np.frombuffer(answer.content, "<f4", offset=int(answer.headers[HEADER])).reshape(-1, 10)
    np.testing.assert_allclose(found, Recognizer.load(models / "2").predict_proba(pixels), rtol=1e-5, atol=1e-9)


def test_null_is_the_same_as_none_and_parameters_may_be_anything(client: LocalService, pixels: Pixels) -> None:
    plain = client.post(INFER, json=call(pixels)).json()
    nulls = call(pixels, parameters=None) | {"id": None, "parameters": None, "outputs": None}
    assert client.post(INFER, json=nulls).json() == plain
    odd = call(pixels, parameters={"content_type": "np", "headers": {"a": [1, None]}})
    assert client.post(INFER, json=odd | {"parameters": {"deep": [[{}]]}}).json() == plain


@pytest.mark.parametrize("shape", [[3, 784], [3, 28, 28, 1]])
def test_other_shapes_of_the_same_pixels_are_taken(client: LocalService, pixels: Pixels, shape: list[int]) -> None:
    plain = client.post(INFER, json=call(pixels)).json()
    for data in (pixels.ravel().tolist(), pixels.reshape(shape).tolist()):
        assert client.post(INFER, json=call(pixels, shape=shape, data=data)).json() == plain


def test_classification_names_the_likeliest_digits(client: LocalService, pixels: Pixels) -> None:
    wanted = {"outputs": [{"name": "probabilities", "parameters": {"classification": 2}}]}
    found = np.reshape(client.post(INFER, json=call(pixels)).json()["outputs"][0]["data"], (3, 10))
    (named,) = client.post(INFER, json=call(pixels) | wanted).json()["outputs"]
    assert (named["datatype"], named["shape"]) == ("BYTES", [3, 2])
    for row, names in zip(found, np.reshape(named["data"], (3, 2)).tolist(), strict=True):
        first, second = (name.split(":") for name in names)
        assert int(first[1]) == int(first[2]) == row.argmax()
        assert float(first[0]) == pytest.approx(row.max(), abs=1e-6)
        assert float(second[0]) <= float(first[0])
    wanted["outputs"][0]["parameters"] = {"classification": 99}
    assert client.post(INFER, json=call(pixels) | wanted).json()["outputs"][0]["shape"] == [3, 10]


IMAGE = np.zeros((1, 28, 28), np.uint8)
BYTES: dict[str, Any] = {"name": "pixels", "shape": [1, 28, 28], "datatype": "UINT8"}

BAD: dict[str, tuple[Any, str]] = {
    "empty": (b"", "body"),
    "no JSON": (b"\x00\x01", "body"),
    "truncated": (json.dumps(call(IMAGE)).encode()[:-5], "body"),
    "NaN": (b'{"inputs": [{"data": [NaN]}]}', "body"),
    "invalid UTF-8": (b'{"id": "\xff"}', "body"),
    "invalid UTF-8 elsewhere": (b'{"\xff": 1, ' + json.dumps(call(IMAGE)).encode()[1:], "body"),
    "deep": (b'{"inputs": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "inputs[0]"),
    "deep elsewhere": (b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "body"),
    "deep data": (b'{"inputs": [{"data": ' + b"[" * 100_000 + b"]" * 100_000 + b"}]}", "body"),
    "a list": ([], ""),
    "nothing asked": ({}, "inputs"),
    "no input": ({"inputs": []}, "inputs:"),
    "two inputs": ({"inputs": call(IMAGE)["inputs"] * 2}, "inputs:"),
    "another input": (call(IMAGE, name="image"), "inputs:"),
    "another output": (call(IMAGE) | {"outputs": [{"name": "logits"}]}, "outputs:"),
    "output twice": (call(IMAGE) | {"outputs": [{"name": "probabilities"}] * 2}, "outputs:"),
    "id is no text": (call(IMAGE) | {"id": 7}, "id:"),
    "a parameter that is no object": (call(IMAGE, parameters=[]), "inputs[0].parameters"),
    "classes as text": (
        call(IMAGE) | {"outputs": [{"name": "probabilities", "parameters": {"classification": "3"}}]},
        "outputs[0].parameters.classification",
    ),
    "huge parameter": (b'{"parameters": {"a": ' + b"9" * 5000 + b"}}", "parameters[...]:"),
    "no shape": ({"inputs": [{"name": "pixels", "datatype": "UINT8", "data": [0]}]}, "shape"),
    "empty shape": (call(IMAGE, shape=[]), "shape:"),
    "no image": (call(IMAGE, shape=[0, 28, 28], data=[]), "shape:"),
    "negative shape": (call(IMAGE, shape=[-1, 28, 28]), "shape[0]:"),
    "huge shape": (call(IMAGE, shape=[10**4000, 28, 28]), "shape[0]:"),
    "shape without N": (call(IMAGE, shape=[28, 28]), "shape:"),
    "shape with three channels": (call(IMAGE, shape=[1, 28, 28, 3]), "shape:"),
    "a fraction of an image": (call(IMAGE, shape=[1.5, 28, 28]), "shape[0]:"),
    "endless shape": (call(IMAGE, shape=[1] * 10_000), "shape:"),
    "text": (call(IMAGE, datatype="BYTES"), "datatype:"),
    "no type": (call(IMAGE, datatype="UINT9"), "datatype:"),
    "neither data nor bytes": ({"inputs": [BYTES]}, "inputs[0]:"),
    "data is null": (call(IMAGE, data=None), "inputs[0].data:"),
    "too few numbers": (call(IMAGE, data=[0] * 783), "inputs[0].data:"),
    "too many numbers": (call(IMAGE, data=[0] * 785), "inputs[0].data:"),
    "too many images": (call(IMAGE, data=[IMAGE[0].tolist()] * 2), "inputs[0].data:"),
    "ragged": (call(IMAGE, data=[[[0] * 28] * 27 + [[0] * 27]]), "inputs[0].data[0][27]:"),
    "rows of 784": (call(IMAGE, data=[[0] * 783]), "inputs[0].data[0]:"),
    "256": (call(IMAGE, data=[256] * 784), "inputs[0].data[0]:"),
    "negative": (call(IMAGE, datatype="INT32", data=[-1] * 784), "inputs[0].data[0]:"),
    "a fraction": (call(IMAGE, datatype="FP32", data=[0.5] * 784), "inputs[0].data[0]:"),
    "true": (call(IMAGE, data=[True] * 784), "inputs[0].data[0]:"),
    "huge integer": (b'{"inputs":[{"name":"pixels","shape":[' + b"9" * 5000 + b"]}]}", "inputs[0].shape[0]:"),
    "shared memory": ({"inputs": [BYTES | {"parameters": {"shared_memory_region": "a"}}]}, "inputs[0]:"),
    "bytes that do not come": ({"inputs": [BYTES | {"parameters": {"binary_data_size": 784}}]}, "inputs[0]:"),
    "both": (call(IMAGE, parameters={"binary_data_size": 784}), "inputs[0]:"),
    "binary is a word": (call(IMAGE) | {"parameters": {"binary_data_output": "yes"}}, "parameters:"),
}


def refused(answer: httpx.Response) -> str:
    """The error of a 400 in the protocol's form."""
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert list(answer.json()) == ["error"]
    assert len(answer.text) < 400
    return answer.json()["error"]


@pytest.mark.parametrize("case", BAD)
def test_bad_json_is_400_and_says_where(client: LocalService, case: str) -> None:
    body, place = BAD[case]
    content = body if isinstance(body, bytes) else json.dumps(body)
    assert place in refused(client.post(INFER, content=content))


BINARY: dict[str, tuple[Any, int, str]] = {
    "truncated": (784, 783, "inputs[0]:"),
    "longer than stated": (784, 785, "inputs[0]:"),
    "too few stated": (783, 783, "binary_data_size:"),
    "a negative size": (-784, 784, "binary_data_size:"),
    "a size beyond all numbers": (10**30, 784, "binary_data_size:"),
    "a size of true": (True, 1, "binary_data_size:"),
    "a size in words": ("784", 784, "binary_data_size:"),
    "a size with a point": (784.0, 784, "binary_data_size:"),
    "no size": (None, 784, "inputs[0]:"),
}


@pytest.mark.parametrize("case", BINARY)
def test_bytes_that_do_not_fit_the_stated_size_and_shape_are_400(client: LocalService, case: str) -> None:
    size, sent, place = BINARY[case]
    head = json.dumps({"inputs": [BYTES | ({} if size is None else {"parameters": {"binary_data_size": size}})]})
    answer = client.post(INFER, content=head.encode() + bytes(sent), headers={HEADER: str(len(head))})
    assert place in refused(answer)


@pytest.mark.parametrize("length", ["-1", "x", "", "1e3", "99999", "9" * 5000, "10"])
def test_a_wrong_length_of_the_json_is_400(client: LocalService, length: str) -> None:
    head = json.dumps({"inputs": [BYTES | {"parameters": {"binary_data_size": 784}}]}).encode()
    error = refused(client.post(INFER, content=head + bytes(784), headers={HEADER: length}))
    assert ("body" if length == "10" else HEADER) in error


@pytest.mark.parametrize("size", [0, 1, 783, 785])
def test_bytes_alone_that_are_not_whole_images_are_400(client: LocalService, size: int) -> None:
    assert "inputs[0]" in refused(client.post(INFER, content=bytes(size), headers={HEADER: "0"}))


def test_too_many_images_are_413_and_name_the_setting(client: LocalService) -> None:
    answer = client.post(INFER, json=call(np.zeros((9, 28, 28), np.uint8)))
    assert answer.status_code == 413
    assert "max_images" in answer.json()["error"]


def test_the_metadata_list_tensors_and_versions(client: LocalService) -> None:
    about = client.get("/v2/models/digits").json()
    assert about["versions"] == ["1", "2"]
    assert about["inputs"] == [{"name": "pixels", "datatype": "UINT8", "shape": [-1, 28, 28]}]
    assert about["outputs"] == [{"name": "probabilities", "datatype": "FP32", "shape": [-1, 10]}]
    assert client.get("/v2/models/digits/versions/1").json() == about
    assert client.get("/v2").json()["extensions"][0] == "binary_tensor_data"
    for path, status in {"digits": 200, "digits/versions/1": 200, "digits/versions/3": 404, "mnist": 404}.items():
        assert client.get(f"/v2/models/{path}/ready").status_code == status


def test_what_each_version_has_done_is_counted(client: LocalService, pixels: Pixels) -> None:
    def counted(version: str) -> int:
        (found,) = client.get(f"/v2/models/digits/versions/{version}/stats").json()["model_stats"]
        return found["inference_count"]

    before = counted("1"), counted("2")
    client.post("/v2/models/digits/versions/1/infer", json=call(pixels))
    assert (counted("1"), counted("2")) == (before[0] + 3, before[1])
    assert client.get("/v2/models/stats").json() == client.get("/v2/models/digits/stats").json()
    index = client.post("/v2/repository/index").json()
    assert [(entry["version"], entry["state"]) for entry in index] == [("1", "READY"), ("2", "READY")]
    assert client.get("/v1/models").json() == {"models": ["digits"]}


def test_each_version_answers_by_itself(client: LocalService, models: Path, pixels: Pixels) -> None:
    for version in ("1", "2"):
        answer = client.post(f"/v2/models/digits/versions/{version}/infer", json=call(pixels)).json()
        assert answer["model_version"] == version
        found = np.reshape(answer["outputs"][0]["data"], (3, 10))
        expected = Recognizer.load(models / version).predict_proba(pixels)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-9)
