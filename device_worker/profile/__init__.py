"""What the worker knows about plans and devices: loads startup code, describes it, resolves items against it.

It starts no plan and talks to no socket.
"""

from device_worker.profile.describe import DescribeOptions, Descriptions, describe_profile
from device_worker.profile.errors import AnnotationError, DescriptionError, ItemResolutionError, ProfileError
from device_worker.profile.load import Profile, find_run_engine, load_profile
from device_worker.profile.names import AllowedNames
from device_worker.profile.parameters import ResolvedPlan, resolve_plan
from device_worker.profile.process_marks import mark_worker_process
from device_worker.profile.script import execute_script, find_function
from device_worker.profile.source import StartupSource

__all__ = [
    "AllowedNames",
    "AnnotationError",
    "DescribeOptions",
    "DescriptionError",
    "Descriptions",
    "ItemResolutionError",
    "Profile",
    "ProfileError",
    "ResolvedPlan",
    "StartupSource",
    "describe_profile",
    "execute_script",
    "find_function",
    "find_run_engine",
    "load_profile",
    "mark_worker_process",
    "resolve_plan",
]
