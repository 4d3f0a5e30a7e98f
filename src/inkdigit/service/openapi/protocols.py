"""TensorFlow Serving's REST API and the Open Inference Protocol, as their documents define them."""

from __future__ import annotations

import itertools

from inkdigit.service.models import NAME
from inkdigit.service.openapi import parts
from inkdigit.service.openapi.parts import (
    BINARY,
    BINARY_FILE,
    INFERENCE,
    JSON,
    PROBABILITIES,
    TENSORFLOW,
    TEXT,
    Json,
    array_schema,
    content,
    errors,
    object_schema,
    operation,
    reference,
)
from inkdigit.service.schemas.openinference import HEADER
from inkdigit.service.schemas.tfserving import SIGNATURE
from inkdigit.service.tensors import DTYPES

FAILURES = 400, 401, 404, 408, 413, 415, 503, 504


def schemas() -> Json:
    """The schemas of requests, answers and errors."""
    whole = {"type": "integer", "minimum": 0}
    images = {"description": "images, each 28×28, 28×28×1 or 784 pixels; or picture files, each `{b64: …}` in base64"}
    rows = array_schema(array_schema({"type": "number"}, minItems=10, maxItems=10))
    options = {"type": ["object", "null"], "description": "those that are not known are passed over"}
    data = {"type": "array", "description": "the pixels, nested or flat; left out if they follow the JSON as bytes"}
    given = object_schema(
        ["name", "shape", "datatype"],
        name={"const": "pixels"},
        shape=array_schema(whole, minItems=2, maxItems=4, description="[N, 28, 28], [N, 784] or [N, 28, 28, 1]"),
        datatype={"enum": list(DTYPES)},
        parameters=options,
        data=data,
    )
    wanted = object_schema(["name"], name={"const": "probabilities"}, parameters=options)
    found = object_schema(
        ["name", "shape", "datatype"],
        name={"const": "probabilities"},
        shape=array_schema(whole),
        datatype={"enum": ["FP32", "BYTES"], "description": "BYTES with the parameter classification"},
        parameters=options,
        data=array_schema({"type": ["number", "string"]}),
    )
    status = object_schema(
        ["version", "state"], version=TEXT, state={"enum": ["AVAILABLE", "UNLOADING"]}, status={"type": "object"}
    )
    return {
        "Error": object_schema(["error"], error=TEXT),
        "PredictRequest": object_schema([], signature_name={"const": SIGNATURE}, instances=images, inputs=images),
        "PredictResponse": object_schema([], predictions=rows, outputs=rows),
        "ModelStatus": object_schema(["model_version_status"], model_version_status=array_schema(status)),
        "InferRequest": object_schema(
            ["inputs"],
            id={"type": ["string", "null"]},
            inputs=array_schema(given),
            outputs=array_schema(wanted) | {"type": ["array", "null"]},
            parameters=options,
        ),
        "InferResponse": object_schema(
            ["model_name", "model_version", "outputs"],
            model_name=TEXT,
            model_version=TEXT,
            id=TEXT,
            outputs=array_schema(found),
        ),
    }


def paths() -> Json:
    """Every route of both protocols."""
    return _tensorflow() | _inference()


def _tensorflow() -> Json:
    pixels = parts.pixels()
    requests = {"Rows": {"instances": [pixels]}, "A column": {"inputs": {"pixels": [pixels]}}}
    answers = {"To rows": {"predictions": [PROBABILITIES]}, "To a column": {"outputs": [PROBABILITIES]}}
    available = {"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    status = content(JSON, reference("ModelStatus"), {"One version": {"model_version_status": [available]}})
    predict = operation(
        "tensorflow_predict",
        TENSORFLOW,
        "Ten probabilities for each image",
        content(JSON, reference("PredictResponse"), answers),
        errors(*FAILURES),
        requestBody={"required": True, "content": content(JSON, reference("PredictRequest"), requests)},
    )
    listed = operation("tensorflow_status", TENSORFLOW, "The loaded versions", status, errors(401, 404))
    signature = content(JSON, {"type": "object"})
    metadata = operation("tensorflow_metadata", TENSORFLOW, "The model's signature", signature, errors(401, 404))
    names = operation("tensorflow_models", TENSORFLOW, "The names of the models", signature, errors(401))
    path = f"/v1/models/{NAME}"
    return (
        _with_versions(path, ":predict", "post", predict)
        | _with_versions(path, "", "get", listed)
        | _with_versions(path, "/metadata", "get", metadata)
        | {"/v1/models": {"get": names}}
    )


def _inference() -> Json:
    anything, known = content(JSON, {"type": "object"}), errors(401, 404)
    ready = content(JSON, object_schema(["ready"], ready={"const": True}))
    unready = {503: {"description": "The server shuts down.", "content": anything}}
    model_ready = operation("inference_model_ready", INFERENCE, "Is the model ready?", ready, known | unready)
    metadata = operation("inference_metadata", INFERENCE, "The model's tensors and its versions", anything, known)
    is_live = content(JSON, object_schema(["live"], live={"const": True}))
    live = operation("inference_live", INFERENCE, "Is it alive?", is_live, {}, security=[])
    takes = operation("inference_ready", INFERENCE, "Does it take requests?", ready, unready, security=[])
    server = operation("inference_server", INFERENCE, "The server's metadata", anything, errors(401))
    config = operation("inference_config", INFERENCE, "The model's configuration, as Triton's", anything, known)
    stats = operation("inference_stats", INFERENCE, "What each version has done, as Triton's", anything, known)
    all_stats = stats | {"operationId": "inference_all_stats"}
    entries = content(JSON, array_schema({"type": "object"}))
    index = operation("inference_index", INFERENCE, "The versions that can be asked", entries, errors(401))
    path = f"/v2/models/{NAME}"
    return (
        _with_versions(path, "/infer", "post", _infer())
        | _with_versions(path, "", "get", metadata)
        | _with_versions(path, "/ready", "get", model_ready)
        | _with_versions(path, "/config", "get", config)
        | _with_versions(path, "/stats", "get", stats)
        | {"/v2/models/stats": {"get": all_stats}, "/v2/repository/index": {"post": index}}
        | {"/v2": {"get": server}, "/v2/health/live": {"get": live}, "/v2/health/ready": {"get": takes}}
    )


def _infer() -> Json:
    pixels = list(itertools.chain.from_iterable(parts.pixels()))
    given = {"name": "pixels", "shape": [1, 28, 28], "datatype": "UINT8", "data": pixels}
    found = {"name": "probabilities", "datatype": "FP32", "shape": [1, 10], "data": PROBABILITIES}
    answer = {"model_name": NAME, "model_version": "1", "outputs": [found]}
    body = content(JSON, reference("InferRequest"), {"A digit": {"inputs": [given]}}) | content(BINARY, BINARY_FILE)
    length = {"type": "integer", "minimum": 0}
    about = "the bytes of JSON that the body begins with; tensors follow as bytes. 0: the body holds only pixels"
    return operation(
        "infer",
        INFERENCE,
        "Ten probabilities for each image",
        content(JSON, reference("InferResponse"), {"A digit": answer}) | content(BINARY, BINARY_FILE),
        errors(*FAILURES),
        parameters=[parts.parameter(HEADER, "header", length, about)],
        requestBody={"required": True, "content": body},
    )


def _with_versions(path: str, end: str, method: str, one: Json) -> Json:
    """One operation at two paths: on the version that answers, and on any loaded version."""
    number = {"type": "string", "pattern": "^[1-9][0-9]{0,17}$"}
    version = parts.parameter("version", "path", number, "one of the loaded versions", example="1")
    other = {
        **one,
        "operationId": f"{one['operationId']}_version",
        "summary": "The same, of a version by its number",
        "parameters": [version, *one.get("parameters", [])],
    }
    return {f"{path}{end}": {method: one}, f"{path}/versions/{{version}}{end}": {method: other}}
