"""When the startup files count: at a start of the manager, and when a client asks for them. Writes no file."""

from __future__ import annotations

import logging
from collections.abc import Collection
from pathlib import Path

import orjson

from queue_server.access import Policy
from queue_server.access.startup_files import NO_LISTS, FileLists, StartupFiles, digest
from queue_server.engine.turn import Turn
from queue_server.handlers.resources import PERMISSIONS, Resources, name_in
from queue_server.protocol.errors import ForbiddenError, NotFoundError, ParameterError
from queue_server.protocol.items import DEFAULT_LANE
from queue_server.storage.base import Transaction

_log = logging.getLogger(__name__)

_LAST_PERMISSIONS = "startup_permissions"
_ORIGIN = "list_origin"
_LAST_LISTS = "list_file"


def take_at_start(
    turn: Turn, resources: Resources, *, open_lanes: Collection[str] = (), workflows: Path | None = None
) -> None:
    """Take the permissions as their reload rule says, and the lists of lanes without an environment, which has its own.

    Lists that the store has kept stay where there is no list file, if they belong to the same startup code. Workflows
    are taken from the files of a directory, if one is given.

    Raises:
        ParameterError: permissions are needed that are missing or wrong.
    """
    policy = _choose_policy(turn.tx, resources.files[DEFAULT_LANE])
    for lane in resources.files:
        lists = None if lane in open_lanes else _choose_lists(turn.tx, resources, lane)
        plans, devices = lists and lists.plans, lists and lists.devices
        # No list file has graphs; those of other startup code are of no use.
        dags = None if lists is None else {}
        resources.replace(turn, lane, plans=plans, devices=devices, dags=dags, policy=policy)
    if workflows is not None:
        # Most have none, and should not have to load what reads them.
        from queue_server.handlers.workflow_files import take_files_at_start

        take_files_at_start(turn, workflows)


def take_again(turn: Turn, resources: Resources, *, permissions: bool, lists: bool) -> None:
    """Take what is named of the files; the lists of what is allowed get new numbers in any case.

    Of the lanes beside the lane default, those have new lists that have a list file.

    Raises:
        ForbiddenError: the reload rule does not allow it.
        NotFoundError: the lane default has no list file.
        ParameterError: a file cannot be used; nothing is changed.
    """
    files = resources.files[DEFAULT_LANE]
    policy = _read_policy(turn.tx, files) if permissions else resources.present(turn).policy
    found = {lane: _read_lists(turn.tx, resources.files[lane], lane) for lane in resources.files} if lists else {}
    if lists and found[DEFAULT_LANE] is None:
        raise NotFoundError(f"There is no list file {files.lists or 'for this startup code'}; the lists stay.")
    own = found.pop(DEFAULT_LANE, None)
    resources.replace(turn, plans=own and own.plans, devices=own and own.devices, policy=policy, anew=True)
    for lane, others in found.items():
        if others is not None:
            resources.replace(turn, lane, plans=others.plans, devices=others.devices, anew=True)


def _read_policy(tx: Transaction, files: StartupFiles) -> Policy:
    if files.reload == "never":
        raise ForbiddenError(
            "The manager was started not to read the permissions of user groups again (permissions_reload=never, "
            "--user-group-permissions-reload NEVER). Set them with permissions_set."
        )
    policy = files.read_policy()
    tx.save(_LAST_PERMISSIONS, _told(policy))
    return policy


def _read_lists(tx: Transaction, files: StartupFiles, lane: str) -> FileLists | None:
    text = files.read_list_file()
    if text is None:
        return None
    lists = files.parse_list_file(text)
    _note(tx, lane, text, lists)
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


def _choose_lists(tx: Transaction, resources: Resources, lane: str) -> FileLists | None:
    files, catalog = resources.files[lane], resources.catalog_of(lane)
    origin = tx.load(name_in(lane, _ORIGIN))
    tx.save(name_in(lane, _ORIGIN), files.origin.encode())
    kept = None if origin in (None, files.origin.encode()) else NO_LISTS
    has_lists = bool(catalog.plans_existing or catalog.devices_existing)
    if files.is_simulated and has_lists and kept is None:
        # The package may be another version than the libraries: what an environment has found is more exact.
        return None
    try:
        text = files.read_list_file()
        if text is None:
            _log.info("There is no list file %s: plans and devices are known when the environment opens", files.lists)
            return kept
        if _is_known(tx, lane, text, FileLists(catalog.plans_existing, catalog.devices_existing)):
            return None
        lists = files.parse_list_file(text)
    except ParameterError as error:
        _log.error("%s Plans and devices are known when the environment opens.", error.message)
        return kept
    _note(tx, lane, text, lists)
    return lists


def _is_known(tx: Transaction, lane: str, text: bytes, present: FileLists) -> bool:
    """Whether the file is as it was when it was last read, and says what the catalog has: to parse it takes long."""
    noted = tx.load(name_in(lane, _LAST_LISTS))
    return noted is not None and noted == _describe(text, present)


def _note(tx: Transaction, lane: str, text: bytes, lists: FileLists) -> None:
    tx.save(name_in(lane, _LAST_LISTS), _describe(text, lists))


def _describe(text: bytes, lists: FileLists) -> bytes:
    content = orjson.dumps([lists.plans, lists.devices], option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    return orjson.dumps({"file": digest(text), "content": digest(content)})


def _told(policy: Policy) -> bytes:
    return orjson.dumps(policy.as_mapping())
