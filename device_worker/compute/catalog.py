"""The graphs of a profile: found in its namespace, described for clients, and where their modules lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from device_worker.compute.errors import GraphError
from device_worker.compute.graph import Graph
from queue_server.protocol.errors import ParameterError

if TYPE_CHECKING:
    from device_worker.profile import Profile


@dataclass(frozen=True, slots=True)
class GraphCatalog:
    """Graphs by name, and the directories in which the startup code finds the modules that lie beside it."""

    graphs: Mapping[str, Graph[..., Any]]
    search_path: tuple[str, ...] = ()

    def find(self, dag_id: str) -> Graph[..., Any]:
        """Return the graph of a name.

        Raises:
            ParameterError: there is none.
        """
        if dag_id not in self.graphs:
            known = ", ".join(sorted(self.graphs)) or "none"
            raise ParameterError(f"There is no graph {dag_id!r}; known graphs: {known}", field="dag_id")
        return self.graphs[dag_id]

    def describe(self) -> dict[str, dict[str, Any]]:
        """Return the description of each graph by name, as ``Graph.describe`` gives it."""
        return {name: found.describe() for name, found in sorted(self.graphs.items())}


def list_graphs(profile: Profile) -> GraphCatalog:
    """Return the graphs that stand in the namespace of a profile under a name without a leading underscore.

    Raises:
        GraphError: two different graphs have the same name.
    """
    graphs: dict[str, Graph[..., Any]] = {}
    for name, value in profile.namespace.items():
        if not isinstance(value, Graph) or name.startswith("_"):
            continue
        if graphs.setdefault(value.name, value) is not value:
            raise GraphError(f"The startup code has two graphs with the name {value.name!r}: rename one of them")
    return GraphCatalog(graphs, _list_search_path(profile))


def _list_search_path(profile: Profile) -> tuple[str, ...]:
    location = profile.source.location
    if profile.source.kind == "directory":
        return (str(Path(location).absolute()),)
    return (str(Path(location).absolute().parent),) if profile.source.kind == "file" else ()
