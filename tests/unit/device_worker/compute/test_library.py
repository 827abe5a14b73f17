from __future__ import annotations

import subprocess
import sys

from device_worker.compute.library import check_installed, load_distributed

# None in place of a module is what Python itself takes as "cannot be imported".
WITHOUT_DASK = """
import sys
sys.modules["distributed"] = None
from pathlib import Path
from device_worker.compute import graph, node
from device_worker.compute.catalog import GraphCatalog
from device_worker.compute.errors import ComputeUnavailable
from device_worker.compute.executor import ComputeSettings, GraphExecutor
executor = GraphExecutor(ComputeSettings(directory=Path(sys.argv[1])), GraphCatalog({}))
try:
    executor.open()
except ComputeUnavailable as error:
    print(error)
"""
LIGHT = """
import sys
import device_worker.compute.executor, device_worker.sim.reconstruction
print([name for name in ("dask", "distributed", "cloudpickle", "PIL", "cryptography") if name in sys.modules])
"""
STEP = """
import sys
import device_worker.compute.step, device_worker.sim.reconstruction
print([name for name in ("bluesky", "ophyd", "zmq", "asyncio") if name in sys.modules])
"""


def run(program, *arguments):
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_all_that_graphs_need_is_installed_here():
    check_installed()
    assert load_distributed().__name__ == "distributed"


def test_without_the_libraries_the_extra_is_named(tmp_path):
    said = run(WITHOUT_DASK, str(tmp_path))
    assert "'distributed'" in said
    assert "pip install 'cuelight[compute]'" in said


def test_a_worker_that_executes_no_graph_loads_no_dask():
    assert run(LIGHT) == "[]"


def test_the_process_of_a_step_loads_no_bluesky():
    assert run(STEP) == "[]"
