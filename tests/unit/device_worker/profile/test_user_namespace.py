"""Functions of startup code receive the namespace, and hide from clients that they do."""

from __future__ import annotations

import inspect

import pytest

from device_worker.profile.user_namespace import UserNamespace, global_user_namespace, set_user_ns


@pytest.fixture
def namespace():
    """The namespace of the process for this test."""
    earlier = global_user_namespace.user_ns
    namespace = {"value": 5}
    global_user_namespace.set_user_namespace(user_ns=namespace)
    yield namespace
    global_user_namespace.set_user_namespace(user_ns=earlier)


def test_a_function_receives_the_namespace_of_the_moment(namespace):
    @set_user_ns
    def read(name, user_ns):
        """Read a name."""
        return user_ns[name]

    assert read("value") == 5
    namespace["value"] = 6
    assert read(name="value") == 6
    assert (read.__name__, read.__doc__) == ("read", "Read a name.")
    assert list(inspect.signature(read).parameters) == ["name"]


def test_a_plan_stays_a_generator_and_receives_no_shell(namespace):
    @set_user_ns
    def plan(points=1, *, user_ns, ipython):
        yield user_ns["value"], ipython
        return points

    assert inspect.isgeneratorfunction(inspect.unwrap(plan))
    assert inspect.isgeneratorfunction(plan)
    assert list(inspect.signature(plan).parameters) == ["points"]
    generator = plan(3)
    assert next(generator) == (5, None)
    with pytest.raises(StopIteration) as stopped:
        next(generator)
    assert stopped.value.value == 3


def test_before_startup_code_is_loaded_the_namespace_is_empty():
    holder = UserNamespace()
    assert (holder.user_ns, holder.use_ipython) == ({}, False)


def test_loading_startup_code_names_the_namespace(load):
    code = """
        from device_worker.profile.user_namespace import set_user_ns

        @set_user_ns
        def read(user_ns):
            return user_ns["value"]

        value = 7
        seen = read()
        """
    profile = load(_00_first=code)
    assert profile.namespace["seen"] == 7
    profile.namespace["value"] = 8
    assert profile.namespace["read"]() == 8
