"""The rules of a directory of artifacts: read by every process, and refused where no directory could obey them."""

from __future__ import annotations

import os
import stat

import pytest

from queue_server.artifacts.rules import FILE, Rules, read_rules, write_rules
from queue_server.protocol.errors import ParameterError, StorageError


@pytest.mark.parametrize("rules", [Rules(), Rules(quota_bytes=0), Rules(10**15, 1), Rules(None, 30.5)])
def test_rules_are_read_as_they_were_written(tmp_path, rules):
    write_rules(tmp_path, rules)
    assert read_rules(tmp_path) == rules
    assert stat.S_IMODE(os.stat(tmp_path / FILE).st_mode) == 0o600
    assert os.listdir(tmp_path) == [FILE]


def test_without_a_file_there_is_no_limit(tmp_path):
    assert read_rules(tmp_path) == Rules(None, None)


@pytest.mark.parametrize(
    ("rules", "field"),
    [
        (Rules(quota_bytes=-1), "quota"),
        (Rules(keep_days=0.5), "keep_days"),
        (Rules(keep_days=float("nan")), "keep_days"),
    ],
)
def test_what_no_directory_can_obey_is_refused_and_changes_nothing(tmp_path, rules, field):
    write_rules(tmp_path, Rules(7, 7))
    with pytest.raises(ParameterError) as caught:
        write_rules(tmp_path, rules)
    assert caught.value.field == field
    assert read_rules(tmp_path) == Rules(7, 7)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1]", b'{"quota": 1}', b'{"quota_bytes": "much"}', b'{"keep_days": 0}']
)
def test_a_file_that_holds_no_rules_is_named_with_the_way_out(tmp_path, content):
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(StorageError, match=r"rules\.json.*cuelight artifacts limit"):
        read_rules(tmp_path)
