"""``list-plans-devices``: loads startup code without a manager and writes the file that lists its plans and devices.

It runs no plan and needs no connection. The process that calls it should end soon after: the startup code stays loaded.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import yaml

from device_worker.list_file import write_list
from queue_server.protocol.errors import ParameterError
from queue_server.protocol.list_file import LIST_FILE

if TYPE_CHECKING:
    from device_worker.profile import Descriptions, StartupSource

DONE = 0
WRONG_PARAMETER = 1
CODE_FAILED = 4
NOT_WRITTEN = 5

_SWITCH = ("ON", "OFF")


@dataclass(frozen=True, slots=True)
class ListOptions:
    """What a command line says.

    Attributes:
        source: one of ``directory``, ``module`` and ``file``, and where that is.
        path: the file to write.
        ignore_invalid_plans: leave plans out that cannot be described, instead of failing.
        device_max_depth: levels of a device that are described, the device itself included; 0 means all.
        notes: what a person should know about the options.
    """

    source: tuple[str, str]
    path: Path
    ignore_invalid_plans: bool
    device_max_depth: int
    notes: tuple[str, ...] = ()


def list_plans_devices(arguments: Sequence[str] | None = None, *, program: str = "qserver-list-plans-devices") -> int:
    """Write the list file for the startup code that the arguments name; an existing file is replaced as a whole.

    Returns:
        0 if the file is written, 1 for a wrong command line, 4 if the startup code fails or cannot be described, 5 if
        the file cannot be written. Only with 0 has the file changed.
    """
    try:
        options = read_options(sys.argv[1:] if arguments is None else arguments, program, os.environ)
    except ParameterError as error:
        return _fail(program, error.message, WRONG_PARAMETER)
    if options is None:
        return DONE
    logging.basicConfig(level=logging.WARNING, format=f"{program}: %(message)s")
    for note in options.notes:
        sys.stderr.write(f"{program}: {note}\n")
    return _describe_and_write(options, program)


def read_options(arguments: Sequence[str], program: str, environ: Mapping[str, str]) -> ListOptions | None:
    """Return the options of a command line; None if it asked for help, which is printed then.

    Raises:
        ParameterError: the command line does not fit, or names something that is not there.
    """
    parser = _build_parser(program)
    given = parser.parse_args(arguments)
    if given.help:
        parser.print_help()
        return None
    if given.device_max_depth < 0:
        raise ParameterError("'--device-max-depth' must be 0 or more.", field="--device-max-depth")
    directory = Path(given.file_dir or ".").expanduser().absolute()
    if not directory.is_dir():
        raise ParameterError(f"'--file-dir': there is no directory {str(directory)!r}.", field="--file-dir")
    return ListOptions(
        source=_find_source(given, environ),
        path=directory / (given.file_name or LIST_FILE),
        ignore_invalid_plans=given.ignore_invalid_plans == "ON",
        device_max_depth=given.device_max_depth,
        notes=tuple(_notes(given)),
    )


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ParameterError(f"{message[:1].upper()}{message[1:]}.\n{self.format_usage().rstrip()}")


def _build_parser(program: str) -> _Parser:
    parser = _Parser(
        prog=program,
        add_help=False,
        description="Load startup code, and list its plans and devices in a YAML file.",
        epilog="Exit codes: 0 written, 1 wrong command line, 4 the startup code failed, 5 the file cannot be written.",
    )
    add = parser.add_argument
    add("-h", "--help", action="store_true", help="show this help")
    add("--file-dir", metavar="DIR", help="where the file is written (default: the current directory)")
    add("--file-name", metavar="NAME", help=f"name of the file (default: {LIST_FILE})")
    code = parser.add_mutually_exclusive_group()
    code.add_argument("--startup-dir", metavar="DIR", help="load *.py and *.ipy of a directory, sorted by name")
    code.add_argument("--startup-module", metavar="MODULE", help="load an installed module")
    code.add_argument("--startup-script", metavar="FILE", help="load one file")
    add("--startup-profile", metavar="NAME", help="load the startup directory of an IPython profile")
    add("--ipython-dir", metavar="DIR", help="where IPython profiles are; else IPYTHONDIR, else ~/.ipython")
    add("--use-ipython-kernel", choices=_SWITCH, default="OFF", help="accepted; there is no IPython kernel")
    add("--ignore-invalid-plans", choices=_SWITCH, default="OFF", help="leave out plans that cannot be described")
    add("--device-max-depth", type=int, default=0, metavar="N", help="levels of devices to list (default: 0, all)")
    return parser


def _find_source(given: argparse.Namespace, environ: Mapping[str, str]) -> tuple[str, str]:
    if given.startup_module:
        return "module", given.startup_module
    if given.startup_script:
        path = Path(given.startup_script).expanduser().absolute()
        return "file", _existing(path, path.is_file(), "--startup-script")
    if given.startup_dir:
        path = Path(given.startup_dir).expanduser().absolute()
        return "directory", _existing(path, path.is_dir(), "--startup-dir")
    if not given.startup_profile and not given.ipython_dir:
        raise ParameterError(
            "No startup code is named; use --startup-dir, --startup-script, --startup-module or --startup-profile.",
            field="--startup-dir",
        )
    root = Path(given.ipython_dir or environ.get("IPYTHONDIR") or "~/.ipython").expanduser().absolute()
    path = root / f"profile_{given.startup_profile or 'default'}" / "startup"
    return "directory", _existing(path, path.is_dir(), "--startup-profile")


def _existing(path: Path, exists: bool, field: str) -> str:
    if not exists:
        raise ParameterError(f"'{field}': {str(path)!r} does not exist.", field=field)
    return str(path)


def _notes(given: argparse.Namespace) -> Sequence[str]:
    notes: list[str] = []
    if given.use_ipython_kernel == "ON":
        notes.append("there is no IPython kernel; the startup code is loaded by plain Python")
    if (given.startup_profile or given.ipython_dir) and (
        given.startup_dir or given.startup_module or given.startup_script
    ):
        notes.append("the IPython profile is not loaded, since other startup code is named")
    return notes


def _describe_and_write(options: ListOptions, program: str) -> int:
    from device_worker.profile import ProfileError

    try:
        descriptions = _describe(options)
        write_list(options.path, descriptions.plans, descriptions.devices)
    except ProfileError as error:
        return _fail(program, f"{error}\n{error.traceback}".rstrip(), CODE_FAILED)
    except yaml.YAMLError as error:
        return _fail(program, f"the descriptions cannot be written as YAML: {error}", CODE_FAILED)
    except OSError as error:
        return _fail(program, f"{options.path} cannot be written: {error.strerror}", NOT_WRITTEN)
    counts = f"{len(descriptions.plans)} plans and {len(descriptions.devices)} devices"
    sys.stdout.write(f"Listed {counts} in {options.path}\n")
    return DONE


def _describe(options: ListOptions) -> Descriptions:
    from device_worker.profile import DescribeOptions, describe_profile, load_profile, mark_worker_process

    mark_worker_process()
    profile = load_profile(_source(*options.source))
    return describe_profile(profile, DescribeOptions(options.device_max_depth, options.ignore_invalid_plans))


def _source(kind: str, location: str) -> StartupSource:
    from device_worker.profile import StartupSource

    if kind == "directory":
        return StartupSource.from_directory(location)
    return StartupSource.from_file(location) if kind == "file" else StartupSource("module", location)


def _fail(program: str, message: str, code: int) -> int:
    sys.stderr.write(f"{program}: {message}\n")
    return code


if __name__ == "__main__":
    sys.exit(list_plans_devices())
