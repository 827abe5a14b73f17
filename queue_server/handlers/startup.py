"""When the startup files count: at a start of the manager, and when a client asks for them. Writes no file."""

from __future__ import annotations

import logging

import orjson

from queue_server.access import Policy
from queue_server.access.startup_files import NO_LISTS, FileLists, StartupFiles, digest
from queue_server.engine.turn import Turn
from queue_server.handlers.resources import PERMISSIONS, Resources
from queue_server.protocol.errors import ForbiddenError, NotFoundError, ParameterError
from queue_server.storage.base import Transaction

_log = logging.getLogger(__name__)

_LAST_PERMISSIONS = "startup_permissions"
_ORIGIN = "list_origin"
_LAST_LISTS = "list_file"


def take_at_start(turn: Turn, resources: Resources, *, is_open: bool) -> None:
    """Take the permissions as their reload rule says, and the lists unless an environment is open, which has its own.

    Lists that the store has kept stay where there is no list file, if they belong to the same startup code.

    Raises:
        ParameterError: permissions are needed that are missing or wrong.
    """
    policy = _choose_policy(turn.tx, resources.files)
    lists = None if is_open else _choose_lists(turn.tx, resources)
    resources.replace(turn, plans=lists and lists.plans, devices=lists and lists.devices, policy=policy)


def take_again(turn: Turn, resources: Resources, *, permissions: bool, lists: bool) -> None:
    """Take what is named of the files; the lists of what is allowed get new numbers in any case.

    Raises:
        ForbiddenError: the reload rule does not allow it.
        NotFoundError: there is no list file.
        ParameterError: a file cannot be used; nothing is changed.
    """
    files = resources.files
    policy = _read_policy(turn.tx, files) if permissions else resources.present(turn).policy
    found = _read_lists(turn.tx, files) if lists else None
    resources.replace(turn, plans=found and found.plans, devices=found and found.devices, policy=policy, anew=True)


def _read_policy(tx: Transaction, files: StartupFiles) -> Policy:
    if files.reload == "never":
        raise ForbiddenError(
            "The manager was started not to read the permissions of user groups again (permissions_reload=never, "
            "--user-group-permissions-reload NEVER). Set them with permissions_set."
        )
    policy = files.read_policy()
    tx.save(_LAST_PERMISSIONS, _told(policy))
    return policy


def _read_lists(tx: Transaction, files: StartupFiles) -> FileLists:
    text = files.read_list_file()
    if text is None:
        raise NotFoundError(f"There is no list file {files.lists or 'for this startup code'}; the lists stay.")
    lists = files.parse_list_file(text)
    _note(tx, text, lists)
    return lists


def _choose_policy(tx: Transaction, files: StartupFiles) -> Policy | None:
    if files.reload in ("never", "on_request") and tx.load(PERMISSIONS) is not None:
        return None
    policy = files.read_policy()
    told = _told(policy)
    if files.reload == "on_change" and told == tx.load(_LAST_PERMISSIONS):
        return None
    tx.save(_LAST_PERMISSIONS, told)
    # Also where they are the default: a later start must not need the file, which may be wrong by then.
    tx.save(PERMISSIONS, told)
    return policy


def _choose_lists(tx: Transaction, resources: Resources) -> FileLists | None:
    files = resources.files
    origin = tx.load(_ORIGIN)
    tx.save(_ORIGIN, files.origin.encode())
    kept = None if origin in (None, files.origin.encode()) else NO_LISTS
    has_lists = bool(resources.catalog.plans_existing or resources.catalog.devices_existing)
    if files.is_simulated and has_lists and kept is None:
        # The package may be another version than the libraries: what an environment has found is more exact.
        return None
    try:
        text = files.read_list_file()
        if text is None:
            _log.info("There is no list file %s: plans and devices are known when the environment opens", files.lists)
            return kept
        if _is_known(tx, text, resources):
            return None
        lists = files.parse_list_file(text)
    except ParameterError as error:
        _log.error("%s Plans and devices are known when the environment opens.", error.message)
        return kept
    _note(tx, text, lists)
    return lists


def _is_known(tx: Transaction, text: bytes, resources: Resources) -> bool:
    """Whether the file is as it was when it was last read, and says what the catalog has: to parse it takes long."""
    noted = tx.load(_LAST_LISTS)
    present = FileLists(resources.catalog.plans_existing, resources.catalog.devices_existing)
    return noted is not None and noted == _describe(text, present)


def _note(tx: Transaction, text: bytes, lists: FileLists) -> None:
    tx.save(_LAST_LISTS, _describe(text, lists))


def _describe(text: bytes, lists: FileLists) -> bytes:
    content = orjson.dumps([lists.plans, lists.devices], option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    return orjson.dumps({"file": digest(text), "content": digest(content)})


def _told(policy: Policy) -> bytes:
    return orjson.dumps(policy.as_mapping())
