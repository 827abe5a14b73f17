import json

import pytest

from queue_server.cli import render


def test_a_table_elsewhere_than_on_a_terminal_is_plain_columns(capsys):
    render.print_table(("A", "LONG"), [("wide cell", "x"), ("y", "")])
    assert capsys.readouterr().out == "A          LONG\nwide cell  x\ny\n"


def test_a_table_without_rows_shows_its_columns(capsys):
    render.print_table(("A", "B"), [])
    assert capsys.readouterr().out == "A  B\n"


def test_fields_are_aligned_and_empty_ones_left_out(capsys):
    render.print_fields({"a": "1", "long": "2", "empty": ""})
    assert capsys.readouterr().out == "a      1\nlong   2\n"


def test_json_is_one_document_on_stdout_and_talk_goes_to_stderr(capsys):
    render.print_json({"name": "é", "values": [1, None]})
    render.say("done")
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"name": "é", "values": [1, None]}
    assert captured.err == "done\n"


def test_there_is_no_colour_elsewhere_than_on_a_terminal():
    assert render.paint("paused", "yellow") == "paused"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0.0 s"),
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (10, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (3599, "59 min 59 s"),
        (3600, "1 h 00 min"),
        (7 * 3600 + 125, "7 h 02 min"),
    ],
)
def test_a_duration_is_shown_in_the_units_that_fit(seconds, text):
    assert render.show_duration(seconds) == text


def test_a_time_is_shown_with_its_zone(monkeypatch):
    assert render.show_time(1_700_000_000.4).startswith("2023-11-1")
    assert render.show_time(1_700_000_000.4).split()[-1].isalpha()
    assert render.show_time(0) == ""


@pytest.mark.parametrize(("text", "first", "last"), [("", "", ""), ("\n a \n b\n\n", "a", "b"), ("one", "one", "one")])
def test_the_first_and_last_lines_that_are_not_blank(text, first, last):
    assert (render.first_line(text), render.last_line(text)) == (first, last)


@pytest.mark.parametrize(("path", "value"), [("a", {"b": 1}), ("a.b", 1), ("a.c", None), ("c", None), ("a.b.c", None)])
def test_a_dotted_path_names_a_part(path, value):
    assert render.field_in({"a": {"b": 1}}, path) == value
