import json

from queue_server.cli.doctor.inspection import read_parts

PART = json.dumps({"part": "surroundings", "backups": 2})


def test_each_line_is_a_part():
    facts = read_parts([PART, json.dumps({"part": "data", "faults": []})], "")
    assert facts.surroundings == {"part": "surroundings", "backups": 2}
    assert facts.data == {"part": "data", "faults": []}
    assert (facts.backup, facts.failed) == (None, "")


def test_a_line_that_was_cut_off_is_left_out():
    facts = read_parts([PART, '{"part": "data", "fau'], "it took more than 1 s.")
    assert facts.surroundings is not None
    assert (facts.data, facts.failed) == (None, "it took more than 1 s.")
