"""What clients are told of a graph: one JSON Schema for all that an item gives it, parameters and inputs alike."""

from __future__ import annotations

from typing import Any

from device_worker.compute.graph import Graph
from device_worker.compute.signature import InputSlot

ARTIFACT_ID = "^[0-9a-f]{64}$"
MOST_FILES = 10_000
"""Files of one input."""


def describe_for_clients(graph: Graph[..., Any]) -> dict[str, Any]:
    """Return the description of a graph, in which the inputs are parameters too: ids of artifacts."""
    described = graph.describe()
    schema = dict(described["parameters"])
    inputs = {slot.name: _describe_input(slot) for slot in graph.inputs}
    required = [slot.name for slot in graph.inputs if slot.required]
    schema["properties"] = {**inputs, **schema.get("properties", {})}
    if needed := [*required, *schema.get("required", ())]:
        schema["required"] = needed
    return {**described, "parameters": schema}


def _describe_input(slot: InputSlot) -> dict[str, Any]:
    one: dict[str, Any] = {"type": "string", "pattern": ARTIFACT_ID}
    form = {"type": "array", "items": one, "maxItems": MOST_FILES} if slot.several else one
    kind = "An array in a .npy file" if slot.kind == "array" else "A file"
    what = f"{kind}, by the id of its artifact." if not slot.several else f"{kind} each, by the ids of their artifacts."
    return {**form, "title": slot.name, "description": f"{slot.description} {what}".strip()}
