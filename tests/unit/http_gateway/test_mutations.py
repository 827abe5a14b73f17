"""The shared mark: every later mutation changes it, whichever process notes it."""

from __future__ import annotations

import stat

from http_gateway.mutations import MutationMark, mark_path


def test_a_mutation_changes_the_mark_for_all_who_share_it(tmp_path):
    one, other = MutationMark(tmp_path / "mark"), MutationMark(tmp_path / "mark")
    before = other.value
    one.set()
    assert other.value != before


def test_later_mutations_of_different_processes_never_give_an_earlier_value(tmp_path):
    marks = [MutationMark(tmp_path / "mark") for _ in range(3)]
    seen = []
    for turn in range(30):
        marks[turn % 3].set()
        seen.append(marks[(turn + 1) % 3].value)
    assert seen == sorted(set(seen))


def test_the_file_is_for_its_owner_alone(tmp_path):
    path = mark_path(tmp_path, "ipc:///x")
    MutationMark(path).set()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_gateways_of_different_managers_do_not_share(tmp_path):
    assert mark_path(tmp_path, "ipc:///a") != mark_path(tmp_path, "ipc:///b")
