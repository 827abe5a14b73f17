"""Profiles that were written for bluesky-queueserver load unchanged, with that package and without it."""

from __future__ import annotations

import importlib
import inspect
import json
import subprocess
import sys
import textwrap
from importlib.util import find_spec
from pathlib import Path

import pytest

from device_worker.profile.stock_names import SUPPLIED, StockNames
from tests.processes.system import System

ROOT = Path(__file__).parents[2]
STOCK = "bluesky_queueserver"

# Put before a program, it makes the package missing, as on a machine on which nobody has installed it.
WITHOUT_THE_PACKAGE = """
import sys
from importlib.machinery import PathFinder

class Rest(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.partition(".")[0] in ("bluesky_queueserver", "bluesky_queueserver_api"):
            return None
        return super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Rest
"""

DESCRIBE = """
import json, sys
from device_worker.profile import StartupSource, describe_profile, load_profile, mark_worker_process

mark_worker_process()
profile = load_profile(StartupSource.from_directory(sys.argv[1]))
found = describe_profile(profile)
supplied = getattr(sys.modules.get("bluesky_queueserver"), "__file__", None) is None
with open(sys.argv[2], "w") as stream:
    json.dump({"plans": found.plans, "devices": found.devices, "supplied": supplied}, stream)
"""

STOCK_LOADER = """
import json, os, sys
os.environ["_QSERVER_RE_WORKER_ACTIVE"] = "1"
os.environ["_QSERVER_RUNNING_IPYTHON_KERNEL"] = "0"
from bluesky_queueserver.manager import profile_ops

namespace = profile_ops.load_worker_startup_code(startup_dir=sys.argv[1])
plans, devices, _, _ = profile_ops.existing_plans_and_devices_from_nspace(nspace=namespace)
with open(sys.argv[2], "w") as stream:
    json.dump({"plans": plans, "devices": devices, "supplied": False}, stream)
"""

# In the style of the manual: numbered files that share a namespace, and modules in a directory beside them.
COLLECTION = {
    "00-base.py": """
        from IPython import get_ipython
        from bluesky_queueserver import is_ipython_mode, is_re_worker_active

        get_ipython().user_ns["proposal"] = 301
        if is_re_worker_active() and not is_ipython_mode():
            operator = "nobody to ask"
        else:
            operator = input("Who are you? ")
        """,
    "05-tools.py": "from collection_tools.shapes import square\nside = square(3)\n",
    "collection_tools/shapes.py": "def square(x):\n    return x * x\n",
    "10-devices.py": """
        from bluesky_queueserver import register_device
        from ophyd import Component as Cpt, Device
        from ophyd.sim import SynAxis, SynSignal

        class Slit(Device):
            left = Cpt(SynAxis)
            right = Cpt(SynAxis)

        class Stage(Device):
            x = Cpt(SynAxis)
            slit = Cpt(Slit)

        register_device("stage", depth=3)
        register_device("shallow")
        register_device("secret_stage", exclude=True)
        stage, shallow, secret_stage = Stage(name="stage"), Stage(name="shallow"), Stage(name="secret_stage")
        det1, det2, det3 = (SynSignal(name=name) for name in ("det1", "det2", "det3"))
        """,
    "11-async.py": """
        from ophyd_async.core import DeviceVector, StandardReadable, soft_signal_rw

        class Channel(StandardReadable):
            def __init__(self, name=""):
                with self.add_children_as_readables():
                    self.counts = soft_signal_rw(float)
                super().__init__(name)

        class Counter(StandardReadable):
            def __init__(self, name=""):
                self.channel = DeviceVector({1: Channel(), 2: Channel()})
                self.gain = soft_signal_rw(float)
                super().__init__(name)

        counter = Counter("counter")
        """,
    "20-plans.py": """
        import typing
        from bluesky import plan_stubs as bps
        from bluesky.plans import count
        from bluesky.protocols import Readable
        from bluesky_queueserver import parameter_annotation_decorator, register_plan

        @parameter_annotation_decorator({
            "description": "Count chosen detectors.",
            "parameters": {
                "detectors": {
                    "annotation": "typing.List[Chosen]",
                    "devices": {"Chosen": ["det1", "det2"]},
                    "default": ["det1"],
                },
                "mode": {"annotation": "Mode", "enums": {"Mode": ["fast", "slow"]}},
                "inner": {"annotation": "Inner", "plans": {"Inner": ["count"]}, "default": "count"},
                "points": {"min": 1, "max": 10, "step": 1},
            },
        })
        def chosen_count(detectors=None, mode="fast", inner=None, points: int = 1):
            assert mode in ("fast", "slow")
            yield from inner(detectors, num=points)

        @parameter_annotation_decorator({"parameters": {"devices": {"annotation": "typing.List[__DEVICE__]"}}})
        def any_count(devices, npts: int = 1):
            yield from count(devices, num=npts)

        def hinted(detectors: typing.List[Readable], side: typing.Optional[float] = None):
            '''Count with hints.

            Parameters
            ----------
            detectors
                What is counted.
            '''
            yield from count(detectors, md={"side": side})

        register_plan("inner_plan", exclude=True)

        def inner_plan():
            yield from bps.null()
        """,
    "30-namespace.py": """
        from bluesky_queueserver.manager.profile_tools import set_user_ns

        @set_user_ns
        def count_all(npts: int, *, user_ns, ipython=None):
            assert ipython is None
            yield from user_ns["count"]([user_ns["det1"], user_ns["det2"]], num=npts, md={"by": user_ns["operator"]})

        @set_user_ns
        def tell(user_ns):
            return user_ns["proposal"], user_ns["side"]
        """,
}
INTERACTIVE = (
    "%matplotlib inline\nget_ipython().run_line_magic('autoreload', '2')\ndef of_ipython():\n    yield from ()\n"
)


def run_program(program, *arguments):
    command = [sys.executable, "-c", program, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def describe(program, startup, target):
    run_program(program, startup, target)
    return json.loads(target.read_text())


@pytest.fixture
def collection(tmp_path):
    """The startup directory of an IPython profile."""
    startup = tmp_path / "ipython" / "profile_collection" / "startup"
    for name, text in COLLECTION.items():
        path = startup / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    return startup


# --- the profile that the package brings ------------------------------------------------------------------------


def stock_profile():
    spec = find_spec(STOCK)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "profile_collection_sim"


@pytest.mark.night
@pytest.mark.parametrize(
    "before",
    [
        pytest.param("", id="with the package"),
        pytest.param(WITHOUT_THE_PACKAGE, id="without the package"),
    ],
)
def test_the_simulated_profile_of_the_package_gives_what_its_own_loader_gives(tmp_path, before):
    expected = describe(STOCK_LOADER, stock_profile(), tmp_path / "stock.json")
    described = describe(before + DESCRIBE, stock_profile(), tmp_path / "described.json")
    assert described["supplied"] is bool(before)
    assert described["plans"] == expected["plans"]
    assert described["devices"] == expected["devices"]
    assert {"count", "move_then_count", "sim_multirun_plan_nested"} <= described["plans"].keys()
    assert {"det1", "motor", "sim_bundle_A", "custom_test_flyer"} <= described["devices"].keys()


# --- a profile in the style of the manual -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "before",
    [
        pytest.param("", id="with the package", marks=pytest.mark.night),
        pytest.param(WITHOUT_THE_PACKAGE, id="without the package"),
    ],
)
def test_a_collection_of_the_manual_gives_what_the_stock_loader_gives(tmp_path, collection, before):
    expected = describe(STOCK_LOADER, collection, tmp_path / "stock.json")
    described = describe(before + DESCRIBE, collection, tmp_path / "described.json")
    assert described["supplied"] is bool(before)
    assert described["plans"] == expected["plans"]
    assert described["devices"] == expected["devices"]
    assert described["plans"].keys() == {"count", "chosen_count", "any_count", "hinted", "count_all"}
    assert "secret_stage" not in described["devices"]
    assert "components" not in described["devices"]["shallow"]
    assert described["devices"]["stage"]["components"]["slit"]["components"].keys() == {"left", "right"}
    assert described["devices"]["counter"]["components"].keys() == {"channel", "gain"}
    assert [parameter["name"] for parameter in described["plans"]["count_all"]["parameters"]] == ["npts"]


def test_a_collection_runs_from_an_ipython_profile_without_the_package(tmp_path, collection, monkeypatch):
    (collection / "40-interactive.ipy").write_text(INTERACTIVE)
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    # Every process of this test, the worker too, begins with it.
    (hidden / "sitecustomize.py").write_text(WITHOUT_THE_PACKAGE)
    monkeypatch.setenv("PYTHONPATH", f"{hidden}")
    system = System(tmp_path, startup=collection)
    try:
        ask = system.start().requester
        ask.open()
        user = {"user": "tester", "user_group": "primary"}
        assert "of_ipython" in ask.do("plans_allowed", user_group="primary")["plans_allowed"]
        for kwargs, told in (
            ({"detectors": ["det3"]}, "detectors"),
            ({"mode": "medium"}, "mode"),
            ({"inner": "hinted"}, "inner"),
            ({"points": 11}, "points"),
        ):
            item = {"item_type": "plan", "name": "chosen_count", "kwargs": kwargs}
            assert told in ask.be_refused("queue_item_add", item=item, **user)
        ask.add("chosen_count", detectors=["det1", "det2"], mode="slow", points=2)
        ask.add("chosen_count")
        ask.add("any_count", ["det3", "stage.x", "stage.slit.left"], npts=2)
        ask.add("hinted", ["counter"], side=1.5)
        ask.add("count_all", 2)
        ask.do("queue_start")
        ask.wait_for_state("idle")
        history = ask.history()
        assert [item["result"]["exit_status"] for item in history] == ["completed"] * 5, history
        task = ask.do("function_execute", item={"item_type": "function", "name": "tell"}, **user)["task_uid"]
        ask.wait_for(lambda _: ask.do("task_status", task_uid=task)["status"] == "completed", "the task")
        assert ask.do("task_result", task_uid=task)["result"]["return_value"] == [301, 9]
    finally:
        system.close()


# --- the names that are supplied --------------------------------------------------------------------------------

NAMES = [(module, name) for module, names in SUPPLIED.items() for name in names]


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_a_supplied_name_exists_in_the_package_and_takes_the_same_arguments(module, name):
    stock, supplied = getattr(importlib.import_module(module), name), SUPPLIED[module][name]
    if not callable(stock):
        assert {attribute for attribute in dir(stock) if not attribute.startswith("_")} <= set(dir(supplied))
        return
    assert _keywords(supplied) == _keywords(stock)
    assert _positional(supplied) == _positional(stock)


def _keywords(function):
    parameters = inspect.signature(function).parameters.values()
    return {(each.name, each.default) for each in parameters if each.kind is each.KEYWORD_ONLY}


def _positional(function):
    parameters = inspect.signature(function).parameters.values()
    return len([each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)])


def test_every_name_that_profiles_import_is_supplied():
    of_the_manual = {
        "is_re_worker_active",
        "set_re_worker_active",
        "clear_re_worker_active",
        "is_ipython_mode",
        "parameter_annotation_decorator",
        "register_device",
        "register_plan",
    }
    assert of_the_manual <= SUPPLIED[STOCK].keys()
    assert "parameter_annotation_decorator" in SUPPLIED[f"{STOCK}.manager.annotation_decorator"]
    assert {"is_re_worker_active", "is_ipython_mode", "set_user_ns", "load_devices_from_happi"} <= SUPPLIED[
        f"{STOCK}.manager.profile_tools"
    ].keys()


def test_other_names_are_refused_with_those_that_there_are():
    program = (
        WITHOUT_THE_PACKAGE
        + """
from device_worker.profile.stock_names import supply_stock_names
supply_stock_names()
supply_stock_names()
import bluesky_queueserver
assert not hasattr(bluesky_queueserver, "__path_of_nobody__")
for line in ("from bluesky_queueserver import ZMQCommSendAsync", "import bluesky_queueserver.manager.comms"):
    try:
        exec(line)
    except ImportError as error:
        sys.stdout.write(f"{type(error).__name__}: {error}\\n")
"""
    )
    first, second = run_program(program).splitlines()
    assert "'ZMQCommSendAsync' of bluesky_queueserver is not available" in first
    assert "register_device" in first
    assert second == "ModuleNotFoundError: No module named 'bluesky_queueserver.manager.comms'"


def test_the_finder_knows_only_its_modules():
    assert StockNames().find_spec("bluesky_queueserver.manager.comms", None) is None
    assert StockNames().find_spec("json", None) is None
