"""TensorFlow Serving's REST API: POST /v1/models/digits:predict and what describes the model."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

import msgspec
import numpy as np
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from inkdigit.service.auth import guarded
from inkdigit.service.batching import Images
from inkdigit.service.models import NAME
from inkdigit.service.pictures import Blank, PictureFile
from inkdigit.service.problems import Problem, too_many_images
from inkdigit.service.router import method_not_allowed
from inkdigit.service.schemas.tfserving import SIGNATURE, EncodedFile, NamedPixels, PredictRequest
from inkdigit.service.state import Service
from inkdigit.service.tensors import decode, images, refuse_blanks
from inkdigit.service.uploads import from_base64

JSON = "application/json"
HINT = 'An instance is pixels, {"pixels": pixels} or {"b64": picture file}.'

NAMED = re.compile(rb'\s*\[\s*\{\s*"pixels"')
PICTURE_INSTANCES = re.compile(rb"\s*\[\s*\{")


REQUEST, COLUMN, ROWS, ENCODED = (
    msgspec.json.Decoder(kind) for kind in (PredictRequest, NamedPixels, list[NamedPixels], list[EncodedFile])
)


def routes(service: Service) -> list[Route]:
    """Each with and without a version."""
    ends = ((":predict", predict, "POST"), ("", status, "GET"), ("/metadata", metadata, "GET"))
    return [
        Route(f"/v1/models/{{name}}{version}{end}", guarded(service, endpoint), methods=[method])
        for end, endpoint, method in ends
        for version in ("", "/versions/{version}")
    ] + [Route("/v1/models", guarded(service, names))]


async def predict(service: Service, request: Request) -> Response:
    """Ten probabilities for each image, in the format of the request."""
    service.waiting.admit(1)  # before anything is read
    model = service.model(**request.path_params)
    call: PredictRequest = decode(REQUEST, await service.bodies.read(request))
    deadline = service.deadline()
    if call.signature_name not in ("", SIGNATURE):
        raise Problem(HTTPStatus.BAD_REQUEST, f"The only signature is {SIGNATURE}.", field="signature_name")
    instances, inputs = bytes(call.instances), bytes(call.inputs)
    if bool(instances) == bool(inputs):
        raise Problem(HTTPStatus.BAD_REQUEST, 'Give either "instances" or "inputs".')
    pixels = await (_rows(service, instances, deadline) if instances else _column(service, inputs, deadline))
    if len(pixels) > service.settings.max_images:
        raise too_many_images(len(pixels), service.settings.max_images)
    found = await service.predict(model, pixels, request.scope, deadline)
    return _json({"predictions" if instances else "outputs": found.tolist()})


async def names(_: Service, __: Request) -> Response:
    """The names of the models: one."""
    return _json({"models": [NAME]})


async def status(service: Service, request: Request) -> Response:
    """The state of each loaded version, the highest first."""
    path: str = request.scope["path"]
    if path.endswith(":predict"):  # the route takes this for a name or a version
        raise method_not_allowed(path, request.method, "POST")
    model = service.model(**request.path_params)
    versions = [model.version] if "version" in request.path_params else sorted(service.models.loaded, reverse=True)
    state = "UNLOADING" if service.draining else "AVAILABLE"
    about = {"state": state, "status": {"error_code": "OK", "error_message": ""}}
    return _json({"model_version_status": [{"version": str(version), **about} for version in versions]})


async def metadata(service: Service, request: Request) -> Response:
    """The model's signature."""
    model = service.model(**request.path_params)
    signature = {
        "inputs": {"pixels": _tensor("pixels", "DT_UINT8", -1, 28, 28)},
        "outputs": {"probabilities": _tensor("probabilities", "DT_FLOAT", -1, 10)},
        "method_name": "tensorflow/serving/predict",
    }
    content = {
        "model_spec": {"name": NAME, "signature_name": "", "version": str(model.version)},
        "metadata": {"signature_def": {"signature_def": {SIGNATURE: signature}}},
    }
    return _json(content)


async def _rows(service: Service, document: bytes, deadline: float) -> Images:
    """The images of a list: of arrays, of objects with pixels, or of picture files. Raises Problem."""
    if NAMED.match(document):
        rows: list[NamedPixels] = decode(ROWS, document, "instances", HINT)
        document = b"[" + b",".join([bytes(row.pixels) for row in rows]) + b"]"
    return await _images(service, document, "instances", deadline)


async def _column(service: Service, document: bytes, deadline: float) -> Images:
    """The images of an array, or of an object with one. Raises Problem."""
    if document.startswith(b"{"):
        column: NamedPixels = decode(COLUMN, document, "inputs")
        return await _images(service, bytes(column.pixels), "inputs.pixels", deadline)
    return await _images(service, document, "inputs", deadline)


async def _images(service: Service, document: bytes, field: str, deadline: float) -> Images:
    if not PICTURE_INSTANCES.match(document):
        return refuse_blanks(images(document, service.settings.max_images, field), field)
    files: list[EncodedFile] = decode(ENCODED, document, field, HINT)
    if len(files) > service.settings.max_images:
        raise too_many_images(len(files), service.settings.max_images)
    places = [f"{field}[{index}].b64" for index in range(len(files))]
    pictures = [PictureFile(from_base64(file.b64, place), place) for file, place in zip(files, places, strict=True)]
    prepared: list[Any] = []
    for image, place in zip(await service.prepare(pictures, deadline), places, strict=True):
        if isinstance(image, Blank):
            raise Problem(HTTPStatus.BAD_REQUEST, image.reason, field=place)
        prepared.append(image)
    return np.stack(prepared)


def _tensor(name: str, kind: str, *sizes: int) -> dict[str, Any]:
    dimensions = [{"size": str(size), "name": ""} for size in sizes]
    return {"dtype": kind, "tensor_shape": {"dim": dimensions, "unknown_rank": False}, "name": f"{name}:0"}


def _json(content: object) -> Response:
    return Response(msgspec.json.encode(content), media_type=JSON)
