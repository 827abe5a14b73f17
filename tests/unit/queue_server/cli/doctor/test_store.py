from pathlib import Path

import pytest
from msgspec.structs import replace

from queue_server.cli.doctor.facts import StoreFacts
from queue_server.cli.doctor.store import (
    BACKUP_SLACK_S,
    check_backups,
    check_examination,
    check_newest_backup,
    check_store,
)

DATA = Path("/data")
NOW = 1_800_000_000.0
INTERVAL_S = 240.0
LIMIT_S = INTERVAL_S + BACKUP_SLACK_S


def around(**changed):
    return {
        "misfit": None,
        "is_used": True,
        "backups": 1,
        "backup_time": NOW - 10,
        "marker_time": NOW - 1000,
        "network": None,
    } | changed


def seen(instance="a", last_seq=7, **changed):
    identity = {"instance": instance, "epoch": 2, "last_seq": last_seq}
    return {"identity": identity, "faults": [], "left_in_order": True, "file": "/data/backups/newest"} | changed


def facts(**changed):
    return replace(StoreFacts(around(), seen(), seen()), **changed)


def store(given, *, is_running=False):
    return [(each.level, each.text, each.action) for each in check_store(given, DATA, is_running=is_running)]


def backups(given):
    [found] = check_backups(given, DATA, interval_s=INTERVAL_S, now=NOW)
    return found.level, found.text, found.action


def test_a_store_that_was_examined_as_a_whole_gives_no_finding_about_that():
    assert check_examination(facts(), DATA) == []


def test_an_examination_that_was_given_up_says_why_and_how_to_do_it():
    [found] = check_examination(facts(failed="it took more than 60 s."), DATA)
    assert (found.level, found.action.partition(" #")[0].strip()) == ("warning", "cuelight verify --data /data")
    assert "60 s" in found.text


def test_a_sound_store_is_well():
    [(level, text, action)] = store(facts())
    assert (level, action) == ("ok", "")
    assert "epoch 2, 7 events" in text


@pytest.mark.parametrize(("is_running", "is_told"), [(False, True), (True, False)])
def test_a_store_that_was_not_left_in_order_is_told_only_if_nobody_uses_it(is_running, is_told):
    [(level, text, _)] = store(facts(data=seen(left_in_order=False)), is_running=is_running)
    assert level == "ok"
    assert ("did not end in order" in text) == is_told


def test_an_unused_directory_is_well():
    [(level, text, _)] = store(facts(surroundings=around(is_used=False), data=None))
    assert (level, text) == ("ok", "Nothing is stored in /data yet.")


def test_a_damaged_store_is_a_failure_told_in_one_line():
    [(level, text, action)] = store(facts(data=seen(faults=["Tree 1\npage 2", "row 3."])))
    assert (level, action) == ("failure", "cuelight restore --data /data")
    assert "Tree 1 page 2 row 3." in text
    assert "\n" not in text


def test_a_running_manager_is_to_be_ended_before_a_restoration():
    [(_, _, action)] = store(facts(data=seen(faults=["row 3"])), is_running=True)
    assert action == "cuelight down --workers --data /data && cuelight restore --data /data"


def test_without_a_backup_a_file_must_be_named_for_a_restoration():
    [(_, _, action)] = store(facts(surroundings=around(backups=0), data=seen(faults=["row 3"])))
    assert action.startswith("cuelight restore --data /data FILE")


def test_files_that_do_not_go_together_are_a_failure():
    [(level, text, action)] = store(facts(surroundings=around(misfit="The database is missing."), data=None))
    assert (level, text, action) == ("failure", "The database is missing.", "cuelight restore --data /data")


def test_a_wrong_mode_does_not_make_a_sound_store_a_damaged_one():
    [(level, _, _)] = store(facts(surroundings=around(misfit="Other users may use it: run chmod 600 it")))
    assert level == "ok"


@pytest.mark.parametrize("missing", [{"surroundings": None, "data": None}, {"data": None}])
def test_what_was_not_examined_is_not_judged(missing):
    assert store(facts(**missing)) == []


@pytest.mark.parametrize("given", [facts(surroundings=None), facts(surroundings=around(is_used=False))])
def test_without_data_nothing_is_said_of_backups(given):
    assert check_backups(given, DATA, interval_s=INTERVAL_S, now=NOW) == []


@pytest.mark.parametrize(
    ("age_s", "behind", "level"),
    [(0, 3, "ok"), (LIMIT_S, 3, "ok"), (LIMIT_S + 1, 3, "warning"), (LIMIT_S + 1, 0, "ok"), (-50, 3, "ok")],
)
def test_an_old_backup_is_a_warning_only_if_something_was_recorded_since(age_s, behind, level):
    given = facts(surroundings=around(backup_time=NOW - age_s), data=seen(last_seq=7 + behind))
    found = backups(given)
    assert found[0] == level
    assert found[2] == ("cuelight backup --data /data" if level == "warning" else "")


def test_a_backup_of_data_that_were_not_examined_has_an_age_only():
    assert backups(facts(data=None))[:2] == ("ok", "The newest of 1 backups is 10 s old.")


@pytest.mark.parametrize(("age_s", "level"), [(LIMIT_S, "ok"), (LIMIT_S + 1, "warning")])
def test_no_backup_at_all_is_a_warning_once_one_was_due(age_s, level):
    given = facts(surroundings=around(backups=0, backup_time=None, marker_time=NOW - age_s), backup=None)
    assert backups(given)[0] == level


@pytest.mark.parametrize(
    ("backup", "level", "part"),
    [
        (seen(), "ok", "is sound"),
        (seen(faults=["row 3 is damaged."]), "warning", "row 3 is damaged."),
        (seen(instance="b"), "warning", "another instance"),
    ],
)
def test_the_newest_backup_must_be_sound_and_of_the_same_instance(backup, level, part):
    [found] = check_newest_backup(facts(backup=backup), DATA)
    assert found.level == level
    assert part in found.text


def test_without_a_backup_none_is_judged():
    assert check_newest_backup(facts(backup=None), DATA) == []
