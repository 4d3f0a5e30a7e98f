"""The Open Inference Protocol: Triton's own client against the server, and what no client sends."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import tritonclient.http as triton
from numpy.typing import NDArray
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from inkdigit.data.dataset import Dataset
from inkdigit.recognizer import Recognizer
from tests.serving import Served, served

INFER = "/v2/models/digits/infer"
HEADER = "Inference-Header-Content-Length"

Pixels = NDArray[np.uint8]


@pytest.fixture(scope="module")
def server(models: Path) -> Generator[Served]:
    with served("--models", models, "--max-images", 8) as server:
        yield server


@pytest.fixture(scope="module")
def client(server: Served) -> Generator[httpx.Client]:
    with server.client() as client:
        yield client


@pytest.fixture(scope="module")
def official(server: Served) -> Generator[Any]:
    with triton.InferenceServerClient(server.url.removeprefix("http://")) as client:
        yield client


@pytest.fixture
def pixels(real_digits: Dataset) -> Pixels:
    return real_digits.images[5000:5003]


def tensor(pixels: NDArray[Any], *, binary: bool = True) -> Any:
    given = triton.InferInput("pixels", list(pixels.shape), np_to_triton_dtype(pixels.dtype))
    return given.set_data_from_numpy(pixels, binary_data=binary)


def call(pixels: NDArray[Any], **more: Any) -> dict[str, Any]:
    """A request in JSON, its data flat; `more` changes the tensor."""
    given = {"name": "pixels", "shape": list(pixels.shape), "datatype": "UINT8", "data": pixels.ravel().tolist()}
    return {"inputs": [given | more]}


def test_the_official_client_finds_the_server_and_the_model(official: Any) -> None:
    assert official.is_server_live()
    assert official.is_server_ready()
    assert official.is_model_ready("digits")
    assert official.is_model_ready("digits", "1")
    assert not official.is_model_ready("digits", "3")
    assert not official.is_model_ready("mnist")
    server = official.get_server_metadata()
    assert server["name"] == "inkdigit"
    assert server["extensions"] == ["binary_tensor_data"]
    about = official.get_model_metadata("digits")
    assert about["versions"] == ["1", "2"]
    assert about["inputs"] == [{"name": "pixels", "datatype": "UINT8", "shape": [-1, 28, 28]}]
    assert about["outputs"] == [{"name": "probabilities", "datatype": "FP32", "shape": [-1, 10]}]
    assert official.get_model_metadata("digits", "1") == about


@pytest.mark.parametrize("outputs", [None, False, True])
@pytest.mark.parametrize("binary", [False, True])
def test_the_official_client_gets_the_recognizers_answers(
    official: Any, models: Path, pixels: Pixels, binary: bool, outputs: bool | None
) -> None:
    asked = None if outputs is None else [triton.InferRequestedOutput("probabilities", binary_data=outputs)]
    answer = official.infer("digits", [tensor(pixels, binary=binary)], outputs=asked, request_id="a 7 and more")
    got = answer.as_numpy("probabilities")
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, Recognizer.load(models / "2").predict_proba(pixels), rtol=1e-5, atol=1e-9)
    about = answer.get_response()
    assert (about["model_name"], about["model_version"], about["id"]) == ("digits", "2", "a 7 and more")
    assert ("data" in about["outputs"][0]) == (outputs is False)  # without outputs this client asks for bytes


def test_json_and_bytes_agree_to_the_last_bit(official: Any, pixels: Pixels) -> None:
    text = [triton.InferRequestedOutput("probabilities", binary_data=False)]
    in_json = official.infer("digits", [tensor(pixels, binary=False)], outputs=text).as_numpy("probabilities")
    assert (official.infer("digits", [tensor(pixels)]).as_numpy("probabilities") == in_json).all()


def test_each_version_answers_by_itself(official: Any, models: Path, pixels: Pixels) -> None:
    for version in ("1", "2"):
        answer = official.infer("digits", [tensor(pixels)], model_version=version)
        expected = Recognizer.load(models / version).predict_proba(pixels)
        np.testing.assert_allclose(answer.as_numpy("probabilities"), expected, rtol=1e-5, atol=1e-9)
        assert answer.get_response()["model_version"] == version


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("dtype", ["u2", "u4", "u8", "i2", "i4", "i8", "f2", "f4", "f8"])
def test_whole_numbers_of_other_types_are_the_same_pixels(
    official: Any, pixels: Pixels, dtype: str, binary: bool
) -> None:
    expected = official.infer("digits", [tensor(pixels)]).as_numpy("probabilities")
    answer = official.infer("digits", [tensor(pixels.astype(dtype), binary=binary)])
    assert (answer.as_numpy("probabilities") == expected).all()


def test_the_official_client_is_told_what_is_wrong(official: Any, pixels: Pixels) -> None:
    with pytest.raises(InferenceServerException, match='no model "mnist"') as unknown:
        official.infer("mnist", [tensor(pixels)])
    with pytest.raises(InferenceServerException, match='no version "3"') as version:
        official.get_model_metadata("digits", "3")
    with pytest.raises(InferenceServerException, match=r"shape: It is \[3, 28, 27\]") as shape:
        official.infer("digits", [tensor(pixels[:, :, 1:])])
    with pytest.raises(InferenceServerException, match="classification is not offered") as classes:
        official.infer(
            "digits", [tensor(pixels)], outputs=[triton.InferRequestedOutput("probabilities", class_count=3)]
        )
    with pytest.raises(InferenceServerException, match="without Content-Encoding") as compressed:
        official.infer("digits", [tensor(pixels)], request_compression_algorithm="gzip")
    statuses = [error.value.status() for error in (unknown, version, shape, classes, compressed)]
    assert statuses == ["404", "404", "400", "400", "415"]


def test_data_may_be_nested_or_flat_and_parameters_are_no_matter(client: httpx.Client, pixels: Pixels) -> None:
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


@pytest.mark.parametrize(("everything", "this", "binary"), [(True, False, False), (False, True, True)])
def test_what_an_output_asks_for_goes_before_what_the_request_does(
    client: httpx.Client, pixels: Pixels, everything: bool, this: bool, binary: bool
) -> None:
    body = call(pixels) | {"parameters": {"binary_data_output": everything}}
    body["outputs"] = [{"name": "probabilities", "parameters": {"binary_data": this}}]
    answer = client.post(INFER, json=body)
    assert (HEADER in answer.headers) == binary
    assert answer.headers["content-type"] == ("application/octet-stream" if binary else "application/json")


def test_nothing_but_the_bytes_is_a_request_too(client: httpx.Client, official: Any, pixels: Pixels) -> None:
    answer = client.post(INFER, content=pixels.tobytes(), headers={HEADER: "0"})
    tail = answer.content[int(answer.headers[HEADER]) :]
    assert tail == official.infer("digits", [tensor(pixels)]).as_numpy("probabilities").tobytes()


IMAGE = np.zeros((1, 28, 28), np.uint8)
BYTES: dict[str, Any] = {"name": "pixels", "shape": [1, 28, 28], "datatype": "UINT8"}

BAD: dict[str, tuple[Any, str]] = {
    "empty": (b"", "not JSON"),
    "no JSON": (b"\x00\x01", "not JSON"),
    "truncated": (json.dumps(call(IMAGE)).encode()[:-5], "not JSON"),
    "NaN": (b'{"inputs": [{"data": [NaN]}]}', "not JSON"),
    "invalid UTF-8": (b'{"id": "\xff"}', "not JSON"),
    "invalid UTF-8 elsewhere": (b'{"\xff": 1, ' + json.dumps(call(IMAGE)).encode()[1:], "not JSON"),
    "deep": (b'{"inputs": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "Expected `object`, got `array`"),
    "deep elsewhere": (b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "recursion"),
    "deep data": (b'{"inputs": [{"data": ' + b"[" * 100_000 + b"]" * 100_000 + b"}]}", "recursion"),
    "a list": ([], "Expected `object`"),
    "nothing asked": ({}, "missing required field `inputs`"),
    "no input": ({"inputs": []}, "The model has one input, pixels"),
    "two inputs": ({"inputs": call(IMAGE)["inputs"] * 2}, "The model has one input, pixels"),
    "another input": (call(IMAGE, name="image"), "The model has one input, pixels"),
    "another output": (call(IMAGE) | {"outputs": [{"name": "logits"}]}, "The model has one output, probabilities"),
    "output twice": (call(IMAGE) | {"outputs": [{"name": "probabilities"}] * 2}, "The model has one output"),
    "id is no text": (call(IMAGE) | {"id": 7}, "id: Expected `str | null`, got `int`"),
    "nested parameter": (call(IMAGE, parameters={"a": []}), "inputs[0].parameters"),
    "huge parameter": (b'{"parameters": {"a": ' + b"9" * 5000 + b"}}", "parameters[...]: "),
    "no shape": ({"inputs": [{"name": "pixels", "datatype": "UINT8", "data": [0]}]}, "missing required field `shape`"),
    "empty shape": (call(IMAGE, shape=[]), "shape: It is []"),
    "no image": (call(IMAGE, shape=[0, 28, 28], data=[]), "shape: It is [0, 28, 28]"),
    "negative shape": (call(IMAGE, shape=[-1, 28, 28]), "shape[0]: Expected `int` >= 0"),
    "huge shape": (call(IMAGE, shape=[10**4000, 28, 28]), "shape[0]: Expected `int` <= 9223372036854775807"),
    "shape without N": (call(IMAGE, shape=[28, 28]), "shape: It is [28, 28]"),
    "shape with channel": (call(IMAGE, shape=[1, 28, 28, 1]), "shape: It is [1, 28, 28, 1]"),
    "a fraction of an image": (call(IMAGE, shape=[1.5, 28, 28]), "shape[0]: Expected `int`"),
    "endless shape": (call(IMAGE, shape=[1] * 10_000), "shape: It is [1, 1"),
    "text": (call(IMAGE, datatype="BYTES"), "datatype: It is BYTES: send one of UINT8"),
    "no type": (call(IMAGE, datatype="UINT9"), "datatype: It is UINT9"),
    "neither data nor bytes": ({"inputs": [BYTES]}, "neither data nor binary_data_size"),
    "data is null": (call(IMAGE, data=None), "inputs[0].data: Expected `array`"),
    "too few numbers": (call(IMAGE, data=[0] * 783), "There are 783 numbers, and the shape [1, 28, 28] has 784"),
    "too many numbers": (call(IMAGE, data=[0] * 785), "There are 785 numbers"),
    "too many images": (call(IMAGE, data=[IMAGE[0].tolist()] * 2), "There are 2 images, and the shape has 1"),
    "ragged": (call(IMAGE, data=[[[0] * 28] * 27 + [[0] * 27]]), "inputs[0].data[0][27]: "),
    "rows of 784": (call(IMAGE, data=[[0] * 783]), "inputs[0].data[0]: "),
    "256": (call(IMAGE, data=[256] * 784), "inputs[0].data[0]: Expected `int` <= 255"),
    "negative": (call(IMAGE, datatype="INT32", data=[-1] * 784), "inputs[0].data[0]: Expected `int` >= 0"),
    "a fraction": (call(IMAGE, datatype="FP32", data=[0.5] * 784), "inputs[0].data[0]: Expected `float` that's"),
    "true": (call(IMAGE, data=[True] * 784), "inputs[0].data[0]: Expected `int`, got `bool`"),
    "huge integer": (b'{"inputs":[{"name":"pixels","shape":[' + b"9" * 5000 + b"]}]}", "inputs[0].shape[0]: "),
    "shared memory": ({"inputs": [BYTES | {"parameters": {"shared_memory_region": "a"}}]}, "neither data nor"),
    "bytes that do not come": ({"inputs": [BYTES | {"parameters": {"binary_data_size": 784}}]}, "784 bytes are to"),
    "both": (call(IMAGE, parameters={"binary_data_size": 784}), "either data or binary_data_size"),
    "binary is a word": (call(IMAGE) | {"parameters": {"binary_data_output": "yes"}}, "true or false"),
}


def refused(answer: httpx.Response) -> str:
    """The sentence of a 400 in the protocol's form."""
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert list(answer.json()) == ["error"]
    assert len(answer.text) < 400
    return answer.json()["error"]


@pytest.mark.parametrize("case", BAD)
def test_bad_json_is_400_and_says_where(client: httpx.Client, case: str) -> None:
    body, sentence = BAD[case]
    content = body if isinstance(body, bytes) else json.dumps(body)
    assert sentence in refused(client.post(INFER, content=content))


BINARY: dict[str, tuple[Any, int, str]] = {
    "truncated": (784, 783, "784 bytes are to follow the JSON, and 783 do"),
    "more than said": (784, 785, "784 bytes are to follow the JSON, and 785 do"),
    "said too few": (783, 783, "binary_data_size: It is 783: UINT8 of shape [1, 28, 28] has 784 bytes"),
    "said negative": (-784, 784, "binary_data_size: It is -784"),
    "said too much to count": (10**30, 784, "binary_data_size: It is 1"),
    "said true": (True, 1, "binary_data_size: It is True"),
    "said in words": ("784", 784, "binary_data_size: It is 784"),
    "said with a point": (784.0, 784, "binary_data_size: It is 784.0"),
    "not said": (None, 784, "784 bytes follow the JSON, and the input has no parameter binary_data_size"),
}


@pytest.mark.parametrize("case", BINARY)
def test_bytes_that_disagree_with_what_is_said_of_them_are_400(client: httpx.Client, case: str) -> None:
    size, sent, sentence = BINARY[case]
    head = json.dumps({"inputs": [BYTES | ({} if size is None else {"parameters": {"binary_data_size": size}})]})
    answer = client.post(INFER, content=head.encode() + bytes(sent), headers={HEADER: str(len(head))})
    assert sentence in refused(answer)


@pytest.mark.parametrize("length", ["-1", "x", "", "1e3", "99999", "9" * 5000, "10"])
def test_a_wrong_length_of_the_json_is_400(client: httpx.Client, length: str) -> None:
    head = json.dumps({"inputs": [BYTES | {"parameters": {"binary_data_size": 784}}]}).encode()
    sentence = refused(client.post(INFER, content=head + bytes(784), headers={HEADER: length}))
    assert ("not JSON" if length == "10" else HEADER) in sentence


@pytest.mark.parametrize("size", [0, 1, 783, 785])
def test_bytes_alone_that_are_no_images_are_400(client: httpx.Client, size: int) -> None:
    sentence = refused(client.post(INFER, content=bytes(size), headers={HEADER: "0"}))
    assert "inputs[0]" in sentence


@pytest.mark.parametrize(
    ("value", "dtype"),
    [(np.nan, "f4"), (np.inf, "f8"), (-1, "i1"), (256, "i4"), (2**40, "i8"), (0.5, "f2"), (-0.5, "f4")],
)
def test_bytes_that_are_no_pixels_are_400_and_say_where(official: Any, value: float, dtype: str) -> None:
    pixels = np.zeros((2, 28, 28), dtype)
    pixels[1, 2, 3] = value
    with pytest.raises(InferenceServerException, match=r"inputs\[0\]\.data\[1\]\[2\]\[3\]: Got ") as error:
        official.infer("digits", [tensor(pixels)])
    assert error.value.status() == "400"


def test_too_many_images_are_413_and_name_the_setting(client: httpx.Client, official: Any) -> None:
    many = np.zeros((9, 28, 28), np.uint8)
    with pytest.raises(InferenceServerException, match=r"has 9 images, and at most 8 .*max_images") as error:
        official.infer("digits", [tensor(many)])
    assert error.value.status() == "413"
    assert client.post(INFER, json=call(many)).status_code == 413
