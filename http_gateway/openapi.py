"""What OpenAPI says about the native routes: parameters, bodies, results and problems, from the declarations alone.

``python -m http_gateway.openapi --write DIRECTORY`` writes the document as ``openapi.json``.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, TypeAdapter

from http_gateway import batch_tables
from http_gateway.authorize import ANYBODY_KNOWN, PUBLIC
from http_gateway.pages import PAGES
from http_gateway.routes import Route, documented_in
from queue_server import __version__
from queue_server.protocol.method import Method
from queue_server.protocol.status import Status

TITLE = "Cuelight"
SUMMARY = "Run control of an experiment: the native routes of the gateway."
_TEMPLATE = "#/components/schemas/{model}"
_CLAIMS = ("user", "user_group")

PROBLEM: Mapping[str, Any] = {
    "type": "object",
    "description": "Problem details for HTTP APIs, RFC 9457.",
    "required": ["type", "title", "status", "detail", "request_id"],
    "properties": {
        "type": {"type": "string", "description": "Stable name of the kind of problem."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong, and what to do."},
        "request_id": {"type": "string", "description": "Under this id the log has the request."},
        "details": {"type": "object", "additionalProperties": True},
        "fields": {
            "type": "object",
            "additionalProperties": True,
            "description": "What is shown beside the refusal, such as the result of each item of a batch.",
        },
    },
}

_SECURITY = {
    "api_key": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "The word ApiKey, a blank, and the key.",
    },
    "x_api_key": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "The key, or an access token.",
    },
    "access_token": {"type": "http", "scheme": "bearer", "description": "Access token of a login, or a key."},
}

_PROBLEMS = {
    "400": "The body cannot be read.",
    "401": "The credential is missing, unknown or expired.",
    "403": "The identity may not do this.",
    "404": "What the request names does not exist.",
    "409": "Not in the present state; nothing was changed.",
    "412": "The queue is not the one on which the request is based.",
    "413": "The body is too large.",
    "422": "A parameter has a wrong type or value.",
    "423": "Somebody has locked it.",
    "429": "Too much at once; repeat it later.",
    "500": "Something unforeseen went wrong.",
    "503": "The manager or its store cannot be used.",
    "504": "The manager did not answer in time.",
    "507": "The disk of the manager is full.",
}


def describe(app: FastAPI, prefix: str, methods: Iterable[Method], routes: Iterable[Route]) -> None:
    """Let the application describe its routes below ``prefix``; made when it is asked for the first time.

    Routes of methods are described by their declarations, ``routes`` by what they say themselves.
    """
    known, more, making = list(methods), list(routes), threading.Lock()

    def make() -> dict[str, Any]:
        with making:
            return make_once()

    def make_once() -> dict[str, Any]:
        if app.openapi_schema is None:
            documented = documented_in(app, f"{prefix}/")
            schema = get_openapi(title=TITLE, version=app.version, summary=SUMMARY, routes=documented)
            for verb, path, operation in _operations(known, more):
                found = schema["paths"].get(f"{prefix}{path}", {}).get(verb.lower())
                if found is not None:
                    # Pages show what belongs together, and of very many in one group only those in view.
                    found.update(operation, tags=[re.split(r"[/:]", path)[1]])
            components = schema.setdefault("components", {})
            components["schemas"] = components_of(known)
            components["responses"] = _responses()
            components["securitySchemes"] = _SECURITY
            schema["security"] = [{name: []} for name in _SECURITY]
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = make  # type: ignore[method-assign]


def _operations(methods: Iterable[Method], routes: Iterable[Route]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for method in methods:
        yield *method.route, document_of(method)
    for route in routes:
        yield route.verb, route.path, document_of_route(route)


def document_of_route(route: Route) -> dict[str, Any]:
    """Return the operation of a route that belongs to no method."""
    words = [word for word in re.split(r"\W+", route.path) if word]
    operation: dict[str, Any] = {
        "operationId": "_".join([route.verb.lower(), *words]),
        "description": f"{route.summary} {_access_to(route.scope)}",
        **(route.document or {}),
    }
    operation["responses"] = {"200": {"description": "Done."}, **operation.get("responses", {}), **_problems()}
    if route.scope == PUBLIC:
        operation["security"] = [{}, *({name: []} for name in _SECURITY)]
    return operation


def _access_to(scope: str) -> str:
    if scope == PUBLIC:
        return "Needs no credential."
    return "For everybody who is known." if scope == ANYBODY_KNOWN else f"Scope: `{scope}`."


def document_of(method: Method) -> dict[str, Any]:
    """Return the operation of a method, to be merged into what the framework says."""
    operation: dict[str, Any] = {
        "operationId": method.name,
        "description": " ".join(filter(None, (method.summary, method.notes, f"Scope: `{method.scope}`."))),
        "responses": {"200": _success_of(method), **_problems()},
    }
    fields = _fields_of(method.params)
    if method.route[0] == "GET":
        operation["parameters"] = [*_query_of(method, fields), _header("If-None-Match", "Tag of the content known.")]
    else:
        operation["parameters"] = [
            _header("Idempotency-Key", "Under the same key the request is done once."),
            _header("If-Match", "Uid of the queue on which the request is based."),
        ]
        operation["requestBody"] = _body_of(method, fields)
    if method is batch_tables.METHOD:
        operation["description"] += f" {batch_tables.ABOUT}"
        operation["parameters"] += batch_tables.describe_query()
        operation["requestBody"]["content"] |= batch_tables.describe_bodies()
    return operation


def components_of(methods: Iterable[Method]) -> dict[str, Any]:
    """Return the schemas to which the operations refer."""
    adapters = [(_result_key(method), "serialization", _adapter_of(method)) for method in methods]
    _, found = TypeAdapter.json_schemas(adapters, ref_template=_TEMPLATE)  # type: ignore[arg-type]
    parts: dict[str, Any] = {}
    for method in methods:
        parts |= method.params.model_json_schema(ref_template=_TEMPLATE).get("$defs", {})
    return {**parts, **found.get("$defs", {}), "Problem": PROBLEM}


def _adapter_of(method: Method) -> TypeAdapter[Any]:
    return TypeAdapter(Status if method.bare else method.result)


def _result_key(method: Method) -> str:
    return method.name


def _success_of(method: Method) -> dict[str, Any]:
    schemas, _ = TypeAdapter.json_schemas(
        [(_result_key(method), "serialization", _adapter_of(method))], ref_template=_TEMPLATE
    )
    [schema] = schemas.values()
    if method.name in PAGES:
        following = {"type": ["string", "null"], "description": "`cursor` of the next part; null at the end."}
        schema = {"allOf": [schema, {"type": "object", "properties": {"next_cursor": following}}]}
    media = {"schema": schema}
    return {"description": "Done.", "content": dict.fromkeys(("application/json", "application/msgpack"), media)}


def _problems() -> dict[str, Any]:
    return {status: {"$ref": f"#/components/responses/Problem{status}"} for status in _PROBLEMS}


def _responses() -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": _TEMPLATE.format(model="Problem")}}}
    return {f"Problem{status}": {"description": text, "content": content} for status, text in _PROBLEMS.items()}


def _fields_of(params: type[BaseModel]) -> dict[str, Any]:
    """Return the schema of the parameters, without what the credential decides."""
    schema = params.model_json_schema(ref_template=_TEMPLATE)
    properties = {name: value for name, value in schema.get("properties", {}).items() if name not in _CLAIMS}
    required = [name for name in schema.get("required", []) if name not in _CLAIMS]
    return {**schema, "properties": properties, "required": required}


def _query_of(method: Method, fields: Mapping[str, Any]) -> list[dict[str, Any]]:
    parameters = [
        {
            "name": name,
            "in": "query",
            "required": name in fields["required"],
            "description": schema.get("description", ""),
            "schema": {key: value for key, value in schema.items() if key not in ("description", "title")},
        }
        for name, schema in fields["properties"].items()
    ]
    if method.name in PAGES:
        text = "`next_cursor` of the part before."
        parameters.append({"name": "cursor", "in": "query", "description": text, "schema": {"type": "string"}})
    return parameters


def _body_of(method: Method, fields: Mapping[str, Any]) -> dict[str, Any]:
    schema = {key: value for key, value in fields.items() if key != "$defs"}
    return {
        "required": bool(fields["required"]),
        "content": {kind: {"schema": schema} for kind in ("application/json", "application/msgpack")},
    }


def _header(name: str, text: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "description": text, "schema": {"type": "string"}}


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the document; return the exit code of the process."""
    # The native face describes itself with this module.
    from http_gateway.config import GatewaySettings
    from http_gateway.native_face import add_native

    parser = argparse.ArgumentParser(prog="python -m http_gateway.openapi")
    parser.add_argument("--write", type=Path, required=True, metavar="DIRECTORY")
    target: Path = parser.parse_args(arguments).write
    app = FastAPI(version=__version__)
    add_native(app, GatewaySettings(data=target))
    text = json.dumps(app.openapi(), indent=1, ensure_ascii=False)
    (target / "openapi.json").write_text(f"{text}\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
