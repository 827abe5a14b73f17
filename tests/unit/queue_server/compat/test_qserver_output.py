"""The layout of what ``qserver`` prints."""

from __future__ import annotations

import re

from queue_server.compat import qserver_output as output


def test_a_reply_is_printed_with_the_time_of_day(capsys):
    output.show_arguments(("queue", "get"))
    output.show_reply({"success": True, "items": []}, 1_700_000_000.0)
    first, second, third = capsys.readouterr().out.splitlines()
    assert first == "Arguments: ['queue', 'get']"
    assert re.fullmatch(r"\d\d:\d\d:\d\d - MESSAGE: ", second)
    assert third == "{'success': True, 'items': []}"


def test_long_descriptions_are_left_out_and_nothing_else(capsys):
    items = [{"name": "count"}] * 50
    output.show_reply({"plans_allowed": {"count": {"name": "count"}}, "items": items}, 0.0)
    text = capsys.readouterr().out
    assert "'plans_allowed': {'count': '{...}'}" in text
    assert text.count("{'name': 'count'}") == 50


def test_silence_is_printed_on_stdout_and_talk_on_stderr(capsys):
    output.show_silence("nobody is there", 0.0)
    output.say("qserver", "wrong")
    captured = capsys.readouterr()
    assert captured.out.endswith(" - ERROR: nobody is there\n")
    assert captured.err == "qserver: wrong\n"
