"""Triton's own client of the Open Inference Protocol against the server."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.http as triton
from numpy.typing import NDArray
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from inkdigit.data.dataset import Dataset
from inkdigit.recognizer import Recognizer
from tests.serving import Served, served

Pixels = NDArray[np.uint8]


@pytest.fixture(scope="module")
def server(models: Path) -> Generator[Served]:
    with served("--models", models, "--max-images", 8) as server:
        yield server


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


def test_the_official_client_finds_the_server_and_the_model(official: Any) -> None:
    assert official.is_server_live()
    assert official.is_server_ready()
    assert official.is_model_ready("digits")
    assert official.is_model_ready("digits", "1")
    assert not official.is_model_ready("digits", "3")
    assert not official.is_model_ready("mnist")
    server = official.get_server_metadata()
    assert server["name"] == "inkdigit"
    assert set(server["extensions"]) > {"binary_tensor_data", "classification"}
    about = official.get_model_metadata("digits")
    assert about["versions"] == ["1", "2"]
    assert about["inputs"] == [{"name": "pixels", "datatype": "UINT8", "shape": [-1, 28, 28]}]
    assert about["outputs"] == [{"name": "probabilities", "datatype": "FP32", "shape": [-1, 10]}]
    assert official.get_model_metadata("digits", "1") == about


def test_the_official_client_reads_configuration_statistics_and_index(official: Any) -> None:
    assert official.get_model_config("digits")["input"][0]["dims"] == [28, 28]
    assert {entry["version"] for entry in official.get_model_repository_index()} == {"1", "2"}
    found = official.get_inference_statistics("digits", "1")["model_stats"]
    assert [entry["version"] for entry in found] == ["1"]


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("packed", [None, "gzip", "deflate"])
def test_the_official_client_gets_classes_and_may_pack_its_request(
    official: Any, pixels: Pixels, binary: bool, packed: str | None
) -> None:
    wanted = [triton.InferRequestedOutput("probabilities", binary_data=binary, class_count=1)]
    answer = official.infer("digits", [tensor(pixels)], outputs=wanted, request_compression_algorithm=packed)
    probabilities = official.infer("digits", [tensor(pixels)]).as_numpy("probabilities")
    names = [name.decode() if isinstance(name, bytes) else name for name in answer.as_numpy("probabilities").ravel()]
    assert [int(name.split(":")[1]) for name in names] == probabilities.argmax(axis=1).tolist()


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


def test_the_official_client_gets_the_status_and_the_place(official: Any, pixels: Pixels) -> None:
    wrong: dict[str, tuple[str, Callable[[], Any]]] = {
        "mnist": ("404", lambda: official.infer("mnist", [tensor(pixels)])),
        '"3"': ("404", lambda: official.get_model_metadata("digits", "3")),
        "inputs[0].shape": ("400", lambda: official.infer("digits", [tensor(pixels[:, :, 1:])])),
    }
    for place, (status, ask) in wrong.items():
        with pytest.raises(InferenceServerException) as error:
            ask()
        assert error.value.status() == status
        assert place in error.value.message()


@pytest.mark.parametrize(
    ("value", "dtype"),
    [(np.nan, "f4"), (np.inf, "f8"), (-1, "i1"), (256, "i4"), (2**40, "i8"), (0.5, "f2"), (-0.5, "f4")],
)
def test_bytes_that_are_not_pixels_are_400_and_say_where(official: Any, value: float, dtype: str) -> None:
    pixels = np.zeros((2, 28, 28), dtype)
    pixels[1, 2, 3] = value
    with pytest.raises(InferenceServerException, match=r"inputs\[0\]\.data\[1\]\[2\]\[3\]: ") as error:
        official.infer("digits", [tensor(pixels)])
    assert error.value.status() == "400"


def test_too_many_images_are_413_and_name_the_setting(official: Any) -> None:
    with pytest.raises(InferenceServerException, match="max_images") as error:
        official.infer("digits", [tensor(np.zeros((9, 28, 28), np.uint8))])
    assert error.value.status() == "413"
