import pytest

from queue_server.cli.failures import OperationFailedError, exit_code_after, exit_code_of, fix_for
from queue_server.client import RequestFailedError, RequestTimeoutError, UnreachableError
from queue_server.protocol.errors import CommunicationError, ForbiddenError, ParameterError


def refusal(code):
    return RequestFailedError("no", reply={"success": False, "error": {"code": code}})


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ParameterError("p"), 1),
        (refusal("invalid_parameter"), 1),
        (refusal("unknown_method"), 1),
        (refusal("refused"), 2),
        (refusal("wrong_state"), 2),
        (refusal("not_found"), 2),
        (refusal("a code of a later version"), 2),
        (RequestFailedError("no", reply={"success": False, "msg": "from another manager"}), 2),
        (CommunicationError("c"), 3),
        (UnreachableError("u"), 3),
        (refusal("internal"), 4),
        (OperationFailedError("o"), 5),
        (refusal("storage_full"), 5),
        (RequestTimeoutError("t"), 8),
        (ForbiddenError("f"), 9),
        (refusal("forbidden"), 9),
    ],
)
def test_every_error_has_the_exit_code_of_its_kind(error, code):
    assert exit_code_of(error) == code


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ([], 0),
        (["completed", "stopped"], 0),
        (["completed", "failed"], 6),
        (["unknown"], 6),
        (["aborted"], 7),
        (["halted", "failed"], 7),
    ],
)
def test_the_first_item_that_did_not_end_well_gives_the_exit_code(outcomes, code):
    assert exit_code_after(outcomes) == code


def test_an_unreachable_manager_comes_with_the_command_that_starts_one():
    assert "cuelight up" in fix_for(UnreachableError("u"))
    assert "--control" in fix_for(UnreachableError("u"))


def test_a_silent_manager_comes_with_the_option_that_waits_longer():
    assert "--timeout" in fix_for(RequestTimeoutError("t"))


def test_an_error_that_says_it_all_needs_no_more():
    assert fix_for(ParameterError("p")) == ""


def test_whoever_meets_a_lock_is_told_who_locked_and_how_to_give_the_key():
    fix = fix_for(refusal("locked"))
    assert "cuelight lock info" in fix
    assert "--lock-key @FILE" in fix


def test_a_queue_that_waits_for_a_held_item_comes_with_the_command_that_releases_it():
    error = {"code": "wrong_state", "details": {"item_uid": "u1", "reason": "failed"}}
    assert "cuelight queue release u1" in fix_for(RequestFailedError("no", reply={"success": False, "error": error}))
    assert fix_for(refusal("wrong_state")) == ""
