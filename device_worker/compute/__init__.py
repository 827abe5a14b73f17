"""What a user's code needs to write processing graphs. They are executed by ``device_worker.compute.executor``."""

from device_worker.compute.composition import keep
from device_worker.compute.graph import Graph, graph
from device_worker.compute.inputs import ArraySlice, InputArray, InputFile
from device_worker.compute.node import Node, node

__all__ = ["ArraySlice", "Graph", "InputArray", "InputFile", "Node", "graph", "keep", "node"]
