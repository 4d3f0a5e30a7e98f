"""The Open Inference Protocol, version 2, as KServe and Triton speak it, with Triton's binary tensors."""

from __future__ import annotations

import re
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
from inkdigit.service.state import Service
from inkdigit.service.tensors import DTYPES, binary_images, decode, flat_images, images, refuse_blanks

JSON, BINARY = "application/json", "application/octet-stream"
LENGTH = re.compile(r"[0-9]{1,18}")
NESTED = re.compile(rb"\s*\[\s*\[")

PACKAGE_VERSION = package_version("inkdigit")
REQUEST = msgspec.json.Decoder(InferRequest)


def routes(service: Service) -> list[Route]:
    """All routes; those of a model with and without a version. Health needs no key."""
    ends = (("/infer", infer, "POST"), ("", metadata, "GET"), ("/ready", model_ready, "GET"))
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
        Route("/v2/health/live", live),
        Route("/v2/health/ready", ready),
    ]


async def infer(service: Service, request: Request) -> Response:
    """Ten probabilities for each image, in JSON or as bytes."""
    service.waiting.admit(1)  # before anything is read
    model = service.model(**request.path_params)
    body = await service.bodies.read(request)
    call, start = _decode_request(body, request.headers.get(HEADER))
    binary = _wants_binary(call)
    pixels = refuse_blanks(_images(call, body, start, service.settings.max_images), "inputs[0].data")
    found = await service.predict(model, pixels, request.scope, service.deadline())
    return _answer(model, call.id, found, binary=binary)


async def server(_: Service, __: Request) -> Response:
    """The server's metadata."""
    return _json({"name": "inkdigit", "version": PACKAGE_VERSION, "extensions": ["binary_tensor_data"]})


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


def _wants_binary(call: InferRequest) -> bool:
    """Whether the answer's tensor is sent as bytes. Raises Problem if the request wants another output."""
    if [output.name for output in call.outputs] not in ([], ["probabilities"]):
        raise Problem(HTTPStatus.BAD_REQUEST, "The model has one output, probabilities.", field="outputs")
    binary = call.parameters.get("binary_data_output", False)
    for output in call.outputs:
        for unknown in {"classification", "shared_memory_region"} & set(output.parameters):
            raise Problem(HTTPStatus.BAD_REQUEST, f"{unknown} is not offered.", field="outputs[0].parameters")
        binary = output.parameters.get("binary_data", binary)
    if not isinstance(binary, bool):
        raise Problem(HTTPStatus.BAD_REQUEST, "Whether data is binary is true or false.", field="parameters")
    return binary


def _images(call: InferRequest, body: bytes, start: int, limit: int) -> Images:
    """The one input's images, at most `limit`, in its JSON or from `start` on in the body. Raises Problem."""
    given = _input(call, limit)
    count, data, following = given.shape[0], bytes(given.data), len(body) - start
    if data and "binary_data_size" in given.parameters:
        raise Problem(HTTPStatus.BAD_REQUEST, "Give either data or binary_data_size.", field="inputs[0]")
    if "binary_data_size" in given.parameters:
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
    if len(given.shape) != 3 or given.shape[1:] != [28, 28] or given.shape[0] < 1:
        sentence = f"It is {str(given.shape[:10])[:60]}: send [N, 28, 28], one image or more."
        raise Problem(HTTPStatus.BAD_REQUEST, sentence, field="inputs[0].shape")
    if given.shape[0] > limit:
        raise too_many_images(given.shape[0], limit)
    if given.datatype not in DTYPES:
        sentence = f"It is {given.datatype[:20]}: send one of {', '.join(DTYPES)}."
        raise Problem(HTTPStatus.BAD_REQUEST, sentence, field="inputs[0].datatype")
    return given


def _check_size(given: InputTensor, following: int) -> None:
    """Raise Problem unless the input's size in bytes, its shape and what follows the JSON agree."""
    size, expected = given.parameters["binary_data_size"], given.shape[0] * 784 * DTYPES[given.datatype].itemsize
    if type(size) is not int or size != expected:
        sentence = f"It is {str(size)[:20]}: {given.datatype} of shape {given.shape} has {expected} bytes."
        raise Problem(HTTPStatus.BAD_REQUEST, sentence, field="inputs[0].parameters.binary_data_size")
    if following != expected:
        sentence = f"{expected} bytes must follow the JSON, and {following} do: {HEADER} says where the JSON ends."
        raise Problem(HTTPStatus.BAD_REQUEST, sentence, field="inputs[0]")


def _answer(model: Model, call_id: str | None, found: Probabilities, *, binary: bool) -> Response:
    content: dict[str, Any] = {"model_name": NAME, "model_version": str(model.version)}
    if call_id is not None:
        content["id"] = call_id
    tensor: dict[str, Any] = {"name": "probabilities", "datatype": "FP32", "shape": list(found.shape)}
    content["outputs"] = [tensor]
    if not binary:
        tensor["data"] = found.ravel().tolist()
        return _json(content)
    tail = found.astype("<f4").tobytes()
    tensor["parameters"] = {"binary_data_size": len(tail)}
    head = msgspec.json.encode(content)
    return Response(head + tail, headers={HEADER: str(len(head))}, media_type=BINARY)


def _json(content: object, status: HTTPStatus = HTTPStatus.OK) -> Response:
    return Response(msgspec.json.encode(content), status.value, media_type=JSON)
