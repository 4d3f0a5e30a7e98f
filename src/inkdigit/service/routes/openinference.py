"""The Open Inference Protocol, version 2, as KServe and Triton speak it, with Triton's binary tensors."""

from __future__ import annotations

import re
import struct
from http import HTTPStatus
from importlib.metadata import version as package_version
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from inkdigit.service.auth import guarded
from inkdigit.service.batching import Images, Probabilities
from inkdigit.service.models import NAME, Model
from inkdigit.service.problems import SHUTTING_DOWN, Problem, too_many_images
from inkdigit.service.schemas.openinference import HEADER, InferRequest, InputTensor
from inkdigit.service.state import Service, Work
from inkdigit.service.tensors import DTYPES, binary_images, decode, flat_images, images, refuse_blanks

JSON, BINARY = "application/json", "application/octet-stream"
NULL = b"null"
LENGTH = re.compile(r"[0-9]{1,18}")
NESTED = re.compile(rb"\s*\[\s*\[")

EXTENSIONS = ["binary_tensor_data", "classification", "model_configuration", "model_repository", "statistics"]
PACKAGE_VERSION = package_version("inkdigit")
REQUEST = msgspec.json.Decoder(InferRequest)


def routes(service: Service) -> list[Route]:
    """All routes; those of a model with and without a version. Health needs no key."""
    ends = (
        ("/infer", infer, "POST"),
        ("", metadata, "GET"),
        ("/ready", model_ready, "GET"),
        ("/config", config, "GET"),
        ("/stats", statistics, "GET"),
    )
    models = [
        Route(f"/v2/models/{{name}}{version}{end}", guarded(service, endpoint), methods=[method])
        for end, endpoint, method in ends
        for version in ("", "/versions/{version}")
    ]

    async def ready(_: Request) -> Response:
        return _ready(service, {})

    return [
        *models,
        Route("/v2", guarded(service, server)),
        Route("/v2/models/stats", guarded(service, statistics)),
        Route("/v2/repository/index", guarded(service, repository_index), methods=["POST"]),
        Route("/v2/health/live", live),
        Route("/v2/health/ready", ready),
    ]


async def infer(service: Service, request: Request) -> Response:
    """Ten probabilities for each image, in JSON or as bytes."""
    service.waiting.admit(1)  # before anything is read
    model = service.model(**request.path_params)
    body = await service.bodies.read(request)
    call, start = _decode_request(body, request.headers.get(HEADER))
    binary, classes = _wanted_output(call)
    pixels = refuse_blanks(_images(call, body, start, service.settings.max_images), "inputs[0].data")
    found = await service.predict(model, pixels, request.scope, service.deadline())
    return _answer(model, call.id, found, classes, binary=binary)


async def server(_: Service, __: Request) -> Response:
    """The server's metadata."""
    return _json({"name": "inkdigit", "version": PACKAGE_VERSION, "extensions": EXTENSIONS})


async def live(_: Request) -> Response:
    """Whether the server is alive."""
    return _json({"live": True})


async def metadata(service: Service, request: Request) -> Response:
    """The model's tensors and its versions."""
    service.model(**request.path_params)
    content = {
        "name": NAME,
        "versions": [str(version) for version in sorted(service.models.loaded)],
        "platform": "onnx_onnxv1",
        "inputs": [{"name": "pixels", "datatype": "UINT8", "shape": [-1, 28, 28]}],
        "outputs": [{"name": "probabilities", "datatype": "FP32", "shape": [-1, 10]}],
    }
    return _json(content)


async def config(service: Service, request: Request) -> Response:
    """The model's configuration, in the words of Triton."""
    service.model(**request.path_params)
    content = {
        "name": NAME,
        "platform": "onnxruntime_onnx",
        "backend": "onnxruntime",
        "version_policy": {"specific": {"versions": sorted(service.models.loaded)}},
        "max_batch_size": service.settings.max_images,
        "input": [{"name": "pixels", "data_type": "TYPE_UINT8", "dims": [28, 28]}],
        "output": [{"name": "probabilities", "data_type": "TYPE_FP32", "dims": [10]}],
        "dynamic_batching": {"preferred_batch_size": [service.settings.max_batch]},
    }
    return _json(content)


async def statistics(service: Service, request: Request) -> Response:
    """What each loaded version has done in this process, in the words of Triton; /metrics has more."""
    if request.path_params:
        service.model(**request.path_params)
    wanted = request.path_params.get("version")
    versions = [version for version in sorted(service.models.loaded) if wanted in (None, str(version))]
    return _json({"model_stats": [_statistics(version, service.work[version]) for version in versions]})


def _statistics(version: int, work: Work) -> dict[str, Any]:
    none = {"count": 0, "ns": 0}
    done = {"count": work.requests, "ns": work.nanoseconds}
    stages = dict.fromkeys(("fail", "queue", "compute_input", "compute_output", "cache_hit", "cache_miss"), none)
    return {
        "name": NAME,
        "version": str(version),
        "last_inference": 0,
        "inference_count": work.images,
        "execution_count": work.requests,
        "inference_stats": {"success": done, "compute_infer": done, **stages},
        "batch_stats": [],
    }


async def repository_index(service: Service, _: Request) -> Response:
    """The versions that can be asked."""
    versions = sorted(service.models.loaded)
    return _json([{"name": NAME, "version": str(version), "state": "READY", "reason": ""} for version in versions])


async def model_ready(service: Service, request: Request) -> Response:
    """Whether the model can be asked."""
    service.model(**request.path_params)
    return _ready(service, {"name": NAME})


def _ready(service: Service, content: dict[str, Any]) -> Response:
    if service.draining:
        return _json(content | {"ready": False, "error": SHUTTING_DOWN}, HTTPStatus.SERVICE_UNAVAILABLE)
    return _json(content | {"ready": True})


def _decode_request(body: bytes, header: str | None) -> tuple[InferRequest, int]:
    """The request, and where the binary tensors begin in the body. Raises Problem."""
    if header is None:
        return decode(REQUEST, body), len(body)
    if not LENGTH.fullmatch(header) or int(header) > len(body):
        sentence = f"{HEADER} is not the length of the JSON that the body of {len(body)} bytes begins with."
        raise Problem(HTTPStatus.BAD_REQUEST, sentence)
    start = int(header)
    if start:
        return decode(REQUEST, body[:start]), start
    # Triton's raw request: only the bytes of the one input; the rest follows from them.
    shape = [len(body) // 784, 28, 28]
    pixels = InputTensor("pixels", shape, "UINT8", {"binary_data_size": len(body)})
    return InferRequest([pixels], parameters={"binary_data_output": True}), 0


def _wanted_output(call: InferRequest) -> tuple[bool, int]:
    """Whether the answer's tensor is sent as bytes, and how many classes it names, 0 for all probabilities.

    Raises Problem if the request wants another output.
    """
    outputs = call.outputs or []
    if [output.name for output in outputs] not in ([], ["probabilities"]):
        raise Problem(HTTPStatus.BAD_REQUEST, "The model has one output, probabilities.", field="outputs")
    wanted = (outputs[0].parameters or {}) if outputs else {}
    if "shared_memory_region" in wanted:
        raise Problem(HTTPStatus.BAD_REQUEST, "Shared memory is not offered.", field="outputs[0].parameters")
    binary = wanted.get("binary_data", (call.parameters or {}).get("binary_data_output", False))
    if not isinstance(binary, bool):
        raise Problem(HTTPStatus.BAD_REQUEST, "Whether data is binary is true or false.", field="parameters")
    classes = wanted.get("classification", 0)
    if type(classes) is not int or classes < 0:
        sentence = "How many classes to name is a whole number from 1."
        raise Problem(HTTPStatus.BAD_REQUEST, sentence, field="outputs[0].parameters.classification")
    return binary, min(classes, 10)


def _images(call: InferRequest, body: bytes, start: int, limit: int) -> Images:
    """The one input's images, at most `limit`, in its JSON or from `start` on in the body. Raises Problem."""
    given = _input(call, limit)
    count, following = given.shape[0], len(body) - start
    data = b"" if given.data == NULL else bytes(given.data)
    has_size = "binary_data_size" in (given.parameters or {})
    if data and has_size:
        raise Problem(HTTPStatus.BAD_REQUEST, "Give either data or binary_data_size.", field="inputs[0]")
    if has_size:
        _check_size(given, following)
        return binary_images(body, start, given.datatype, "inputs[0].data")
    if following:
        sentence = f"{following} bytes follow the JSON, and the input has no parameter binary_data_size."
        raise Problem(HTTPStatus.BAD_REQUEST, sentence, field="inputs[0]")
    if not data:
        raise Problem(HTTPStatus.BAD_REQUEST, "It has neither data nor binary_data_size.", field="inputs[0]")
    if not NESTED.match(data):
        return flat_images(data, count, "inputs[0].data")
    found = images(data, limit, "inputs[0].data")
    if len(found) != count:
        sentence = f"There are {len(found)} images, and the shape has {count}."
        raise Problem(HTTPStatus.BAD_REQUEST, sentence, field="inputs[0].data")
    return found


def _input(call: InferRequest, limit: int) -> InputTensor:
    """The one input, by its name, shape and type. Raises Problem."""
    if [given.name for given in call.inputs] != ["pixels"]:
        raise Problem(HTTPStatus.BAD_REQUEST, "The model has one input, pixels.", field="inputs")
    (given,) = call.inputs
    if given.shape[1:] not in ([28, 28], [784], [28, 28, 1]) or given.shape[0] < 1:
        sentence = f"It is {str(given.shape[:10])[:60]}: send [N, 28, 28] or [N, 784], one image or more."
        raise Problem(HTTPStatus.BAD_REQUEST, sentence, field="inputs[0].shape")
    if given.shape[0] > limit:
        raise too_many_images(given.shape[0], limit)
    if given.datatype not in DTYPES:
        sentence = f"It is {given.datatype[:20]}: send one of {', '.join(DTYPES)}."
        raise Problem(HTTPStatus.BAD_REQUEST, sentence, field="inputs[0].datatype")
    return given


def _check_size(given: InputTensor, following: int) -> None:
    """Raise Problem unless the input's size in bytes, its shape and what follows the JSON agree."""
    size, expected = (
        (given.parameters or {})["binary_data_size"],
        given.shape[0] * 784 * DTYPES[given.datatype].itemsize,
    )
    if type(size) is not int or size != expected:
        sentence = f"It is {str(size)[:20]}: {given.datatype} of shape {given.shape} has {expected} bytes."
        raise Problem(HTTPStatus.BAD_REQUEST, sentence, field="inputs[0].parameters.binary_data_size")
    if following != expected:
        sentence = f"{expected} bytes must follow the JSON, and {following} do: {HEADER} says where the JSON ends."
        raise Problem(HTTPStatus.BAD_REQUEST, sentence, field="inputs[0]")


def _answer(model: Model, call_id: str | None, found: Probabilities, classes: int, *, binary: bool) -> Response:
    content: dict[str, Any] = {"model_name": NAME, "model_version": str(model.version)}
    if call_id is not None:
        content["id"] = call_id
    names = _likeliest(found, classes) if classes else []
    kind, shape = ("BYTES", [len(found), classes]) if classes else ("FP32", list(found.shape))
    tensor: dict[str, Any] = {"name": "probabilities", "datatype": kind, "shape": shape}
    content["outputs"] = [tensor]
    if not binary:
        tensor["data"] = names if classes else found.ravel().tolist()
        return _json(content)
    tail = b"".join(struct.pack("<I", len(name)) + name.encode() for name in names) or found.astype("<f4").tobytes()
    tensor["parameters"] = {"binary_data_size": len(tail)}
    head = msgspec.json.encode(content)
    return Response(head + tail, headers={HEADER: str(len(head))}, media_type=BINARY)


def _likeliest(found: Probabilities, classes: int) -> list[str]:
    """The most probable digits of each image, as Triton's classification has them: probability:index:label."""
    best = (-found).argsort(axis=1, kind="stable")[:, :classes]
    return [
        f"{row[digit]:f}:{digit}:{digit}" for row, digits in zip(found, best.tolist(), strict=True) for digit in digits
    ]


def _json(content: object, status: HTTPStatus = HTTPStatus.OK) -> Response:
    return Response(msgspec.json.encode(content), status.value, media_type=JSON)
