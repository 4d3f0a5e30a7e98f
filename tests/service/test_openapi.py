"""/openapi.json describes the server: its routes, its limits, its schemas, and examples that work."""

from __future__ import annotations

import io
import json
from collections.abc import Generator, Iterator
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from PIL import Image

from inkdigit.service import app
from inkdigit.service.openapi import document
from inkdigit.service.openapi.parts import page, png
from inkdigit.service.settings import ServiceSettings
from tests.service.inprocess import LocalService, local_service

DOCUMENT = document(ServiceSettings())
PAGES = {"/", "/docs", "/openapi.json", "/favicon.ico"}


@pytest.fixture(scope="module")
def server() -> Generator[LocalService]:
    with local_service() as server:
        yield server


def pdf() -> bytes:
    """A page with digits."""
    stream = io.BytesIO()
    page().save(stream, "PDF")
    return stream.getvalue()


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Path, method and description of each."""
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            yield path, method.upper(), operation


def check(value: object, schema: dict[str, Any]) -> None:
    """Raise jsonschema_rs.ValidationError if a value does not fit a schema of the document."""
    jsonschema_rs.Draft202012Validator({**schema, "components": DOCUMENT["components"]}).validate(value)


def test_it_is_valid_and_served(server: LocalService) -> None:
    assert server.get("/openapi.json").json() == json.loads(json.dumps(DOCUMENT))
    schemathesis.openapi.from_dict(DOCUMENT).validate()
    with pytest.raises(jsonschema_rs.ValidationError):
        schemathesis.openapi.from_dict({**DOCUMENT, "paths": {"/": {"get": []}}}).validate()
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(names) == len(set(names))
    assert {operation["tags"][0] for _, _, operation in operations()} == {tag["name"] for tag in DOCUMENT["tags"]}


def test_every_route_is_in_it_and_every_path_is_a_route(server: LocalService) -> None:
    found = {
        (route.path.replace("{name}", "digits"), method)
        for route in app.routes(server.service)
        if route.path not in PAGES and not route.path.startswith("/web/")
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert {(path, method) for path, method, _ in operations()} == found


def test_every_example_of_a_request_gets_an_answer_that_fits_the_schema(server: LocalService) -> None:
    asked = 0
    for path, method, operation in operations():
        address = path.replace("{version}", "1")
        body = operation.get("requestBody", {"content": {"none": {"schema": {}}}})
        for kind, media in body["content"].items():
            for example in media.get("examples", {"none": {"value": None}}).values():
                request: dict[str, Any] = {"headers": {"Content-Type": kind}}
                if example["value"] is not None:
                    check(example["value"], media["schema"])
                    request = {"json": example["value"]}
                elif kind == "multipart/form-data":
                    request = {"files": [("file", ("seven.png", png(), "image/png"))] * 2}
                elif kind == "application/octet-stream":
                    headers = {"Inference-Header-Content-Length": "0"}
                    request = {"content": 784 * b"\xff", "headers": headers}
                elif kind.startswith("image/"):
                    request["content"] = png()
                elif kind == "application/pdf":
                    request["content"] = pdf()
                answer = server.request(method, address, **request)
                assert answer.status_code == 200, f"{method} {address} {kind}: {answer.text}"
                content = operation["responses"]["200"]["content"]
                media_type = answer.headers["content-type"].partition(";")[0]
                assert media_type in content
                if media_type == "application/json":
                    check(answer.json(), content[media_type]["schema"])
                asked += 1
    assert asked > 25


def test_every_example_of_an_answer_fits_its_schema() -> None:
    examples = 0
    for _, _, operation in operations():
        for response in operation["responses"].values():
            for media in response["content"].values():
                for example in media.get("examples", {}).values():
                    check(example["value"], media["schema"])
                    examples += 1
    assert examples > 5


def test_the_example_is_a_seven(server: LocalService) -> None:
    answer = server.post("/v1/digits?show=input", content=png(), headers={"Content-Type": "image/png"}).json()
    check(answer, {"$ref": "#/components/schemas/Answer"})
    assert answer["results"][0]["digit"] == 7
    assert answer["results"][0]["confidence"] > 0.99


def test_the_answer_to_a_blank_page_fits_the_schema(server: LocalService) -> None:
    stream = io.BytesIO()
    Image.new("L", (50, 50), 255).save(stream, "PNG")
    answer = server.post("/v1/digits", files=[("file", ("blank.png", stream.getvalue(), "image/png"))]).json()
    check(answer, {"$ref": "#/components/schemas/Answer"})
    assert answer["results"][0]["digit"] is None


def test_schemas_refuse_what_the_server_refuses(server: LocalService) -> None:
    image = [[0] * 28] * 28
    cases: list[Any] = [{"pixels": image[:27]}, {"pixels": [[256] * 28] * 28}, {"pixels": []}, {"image": 5}, {}, []]
    cases += [{"pixels": image, "more": 1}, {"pixels": [image] * (ServiceSettings().max_images + 1)}]
    schema = DOCUMENT["paths"]["/v1/digits"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    for case in cases:
        with pytest.raises(jsonschema_rs.ValidationError):
            check(case, schema)
        answer = server.post("/v1/digits", json=case)
        assert answer.status_code in (413, 422)
        check(answer.json(), {"$ref": "#/components/schemas/Details"})


def test_limits_and_keys_that_are_set_appear_in_it() -> None:
    limits = ServiceSettings(
        max_images=3,
        max_body=77,
        max_pixels=78,
        deadline=79.5,
        read_deadline=79.75,
        read_timeout=80,
        max_queue=81,
        max_reads=82,
        read_memory=283,
    )
    content = document(limits)
    text = content["info"]["description"]
    for words in (
        "3 images",
        "77 MiB",
        "78 million",
        "79.5 (`deadline`)",
        "79.75 (`read_deadline`)",
        "80 seconds",
        "81 images",
        "82 requests",
        "283 MiB",
    ):
        assert words in text
    assert content["components"]["schemas"]["Pictures"]["properties"]["pixels"]["maxItems"] == 3
    assert "security" not in content
    assert "securitySchemes" not in content["components"]
    guarded = document(ServiceSettings(api_key_file="keys"))
    schemathesis.openapi.from_dict(guarded).validate()
    assert {name for each in guarded["security"] for name in each} == set(guarded["components"]["securitySchemes"])
    free = {path for path, item in guarded["paths"].items() for one in item.values() if one.get("security") == []}
    assert free == {"/healthz", "/readyz", "/v2/health/live", "/v2/health/ready"}
