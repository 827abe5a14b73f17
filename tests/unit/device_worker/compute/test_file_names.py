from __future__ import annotations

import pytest

from device_worker.compute.file_names import LONGEST_NAME, check_file_name
from device_worker.kept_file import find_content_type


@pytest.mark.parametrize("name", ["image.png", "coils/0.npy", "a/b/c.d.e", "_x", "T1=2+3@4-5.txt", "x" * LONGEST_NAME])
def test_a_name_below_the_directory_is_good(name):
    check_file_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/etc/passwd",
        "../image.png",
        "a/../b",
        "a//b",
        "a/",
        ".hidden",
        "a/.hidden",
        "-rf",
        "two words",
        "a\\b",
        "line\n",
        "nul\0",
        "ä.png",
        "x" * (LONGEST_NAME + 1),
        3,
        None,
    ],
)
def test_a_name_that_leads_elsewhere_or_makes_trouble_is_refused(name):
    with pytest.raises(ValueError, match=r"characters|letters"):
        check_file_name(name)


@pytest.mark.parametrize("name", ["manifest.json", "Manifest.JSON"])
def test_the_name_of_the_list_is_taken(name):
    with pytest.raises(ValueError, match="list of all files"):
        check_file_name(name)


def test_the_ending_says_what_a_file_is():
    names = ["a.npy", "a.npz", "a.JSON", "a.png", "a.txt", "b/a.csv", "a.dcm", "a.nothing", "a"]
    types = [find_content_type(name) for name in names]
    assert types[:6] == [
        "application/x-npy",
        "application/x-npz",
        "application/json",
        "image/png",
        "text/plain",
        "text/csv",
    ]
    assert types[7:] == ["application/octet-stream"] * 2
