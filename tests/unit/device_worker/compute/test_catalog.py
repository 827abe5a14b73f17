from __future__ import annotations

import pytest

from device_worker.compute.catalog import list_graphs
from device_worker.compute.errors import GraphError
from device_worker.profile import StartupSource, load_profile
from queue_server.protocol.errors import ParameterError

CODE = """
from device_worker.compute import graph, node
import numpy as np

@node
def double(value):
    return np.multiply(value, 2)

@graph
def {name}(size: int = 1):
    '''Double the size.'''
    return {{"a.json": double(size)}}
"""


@pytest.fixture
def load(tmp_path):
    def load(**files):
        for name, text in files.items():
            (tmp_path / f"{name}.py").write_text(text)
        return list_graphs(load_profile(StartupSource.parse(str(tmp_path))))

    return load


def test_the_graphs_of_a_startup_directory_are_found_by_name(load, tmp_path):
    catalog = load(a=CODE.format(name="first"), b=CODE.format(name="second"))
    assert sorted(catalog.graphs) == ["first", "second"]
    assert catalog.search_path == (str(tmp_path),)
    assert catalog.describe()["first"]["description"] == "Double the size."


def test_a_graph_may_have_further_names_but_not_share_its_own(load):
    assert list(load(a=CODE.format(name="first") + "\nother = first\n").graphs) == ["first"]
    with pytest.raises(GraphError, match="two graphs with the name 'first'"):
        load(a=CODE.format(name="first") + "\nother = first\n", b=CODE.format(name="first"))


def test_a_graph_under_a_hidden_name_is_not_listed(load):
    assert load(a=CODE.format(name="first") + "\n_first = first\ndel first\n").graphs == {}


def test_the_search_path_of_a_file_is_its_directory_and_a_module_has_none(tmp_path):
    (tmp_path / "a.py").write_text(CODE.format(name="first"))
    assert list_graphs(load_profile(StartupSource.from_file(tmp_path / "a.py"))).search_path == (str(tmp_path),)
    catalog = list_graphs(load_profile(StartupSource.parse("device_worker.sim.reconstruction")))
    assert catalog.search_path == ()
    assert list(catalog.graphs) == ["summarize_metrics", "simulate_scan", "reconstruct_image"]


def test_an_unknown_graph_is_refused_with_the_known_ones(load):
    with pytest.raises(ParameterError, match="no graph 'third'; known graphs: first") as caught:
        load(a=CODE.format(name="first")).find("third")
    assert caught.value.field == "dag_id"
