"""The simulated profile, loaded once for all tests of this directory."""

from __future__ import annotations

import pytest

from device_worker.profile import StartupSource, describe_profile, load_profile, resolve_plan


@pytest.fixture(scope="session")
def profile():
    return load_profile(StartupSource("sim"))


@pytest.fixture(scope="session")
def descriptions(profile):
    return describe_profile(profile)


class Runner:
    """Runs plans by name as the worker does, and keeps the documents of the last one as (kind, document)."""

    def __init__(self, profile, descriptions):
        self.profile, self.descriptions = profile, descriptions
        self.documents = []

    def __call__(self, name, *args, **kwargs):
        engine = self.profile.namespace["RE"]
        plan = resolve_plan({"name": name, "args": list(args), "kwargs": kwargs}, self.profile, self.descriptions)
        self.documents = []
        token = engine.subscribe(lambda kind, document: self.documents.append((kind, document)))
        try:
            engine(plan.start(), **plan.metadata)
        finally:
            engine.unsubscribe(token)
        return self.documents


@pytest.fixture
def run(profile, descriptions):
    return Runner(profile, descriptions)
