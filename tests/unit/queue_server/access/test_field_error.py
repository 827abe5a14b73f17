"""Findings and the error that carries them: complete as data, short as a sentence."""

from __future__ import annotations

import pytest

from queue_server.access.field_error import MAX_ERRORS, FieldError, join_errors, show_names, show_path, show_value


def findings(count):
    return [FieldError(f"x[{number}]", "'a'", "int") for number in range(count)]


def test_one_error_names_the_parameter_what_was_given_and_what_is_accepted():
    error = join_errors("Wrong", [FieldError("num", "'a'", "int")])
    assert error.message == "Wrong: num: given 'a', accepted int"
    assert error.field == "num"
    assert error.details["errors"] == [{"field": "num", "given": "'a'", "accepted": "int"}]
    assert error.details["more"] is False


def test_the_sentence_shows_the_first_findings_and_the_details_show_all():
    error = join_errors("Wrong", findings(20))
    assert "x[7]" in error.message
    assert "x[8]" not in error.message
    assert error.message.endswith("; and 12 more")
    assert len(error.details["errors"]) == 20


def test_findings_without_end_are_cut_off():
    error = join_errors("Wrong", (finding for finding in findings(10 * MAX_ERRORS)))
    assert len(error.details["errors"]) == MAX_ERRORS
    assert error.details["more"] is True
    assert error.message.endswith("; and more")


@pytest.mark.parametrize(
    "value",
    [list(range(10**6)), "x" * 10**6, {str(n): n for n in range(1000)}, 10**600, [[[[[[[1]]]]]]], set(range(99))],
)
def test_a_value_of_any_size_is_shown_short(value):
    assert len(show_value(value)) < 200


def test_a_number_too_long_to_print_is_shown_by_its_size():
    assert show_value(1 << 20000) == "<number of 20001 bits>"


@pytest.mark.parametrize(
    ("name", "shown"),
    [("num", "num"), ("det1.val", "det1.val"), ("not a name", "'not a name'"), ("\ud800", r"'\ud800'"), (5, "5")],
)
def test_odd_names_are_quoted(name, shown):
    assert show_path(name) == shown


def test_few_names_are_all_listed():
    assert show_names(["det1", "det2"]) == "one of det1, det2"


def test_many_names_are_counted():
    assert show_names([f"d{n}" for n in range(13000)]) == "one of d0, d1, d2, d3, d4, ... (13000 names)"


def test_no_names_are_said_to_be_none():
    assert "no name is allowed" in show_names([])
