"""Records of artifacts: frozen, complete, and with nothing in them that could end a header line."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from queue_server.protocol.records import Artifact, ManifestEntry

ID = "0123456789abcdef" * 4
KNOWN = {"id": ID, "size_bytes": 12, "content_type": "text/plain; charset=utf-8", "created": 1_700_000_000.5}


def test_an_artifact_survives_the_way_through_json():
    artifact = Artifact.model_validate(KNOWN)
    assert Artifact.model_validate_json(artifact.model_dump_json()) == artifact
    assert artifact.model_dump() == KNOWN


def test_an_artifact_of_unknown_type_is_a_stream_of_bytes():
    assert Artifact(id=ID, size_bytes=0, created=0).content_type == "application/octet-stream"


def test_an_artifact_does_not_change():
    artifact = Artifact.model_validate(KNOWN)
    with pytest.raises(ValidationError, match="frozen"):
        artifact.size_bytes = 13


@pytest.mark.parametrize(
    "value",
    [ID[:-1], ID + "0", ID.upper(), "../../" + ID[6:], ID[:-1] + "\n", ID + "\n", ""],
    ids=["short", "long", "upper case", "path", "line end inside", "line end behind", "empty"],
)
def test_an_id_has_64_digits_in_lower_case(value):
    with pytest.raises(ValidationError, match="id"):
        Artifact.model_validate(KNOWN | {"id": value})


@pytest.mark.parametrize("value", ["text/plain", "application/vnd.illumina.v3+json", 'text/x; name="a b"; q=1'])
def test_a_media_type_is_accepted(value):
    assert Artifact.model_validate(KNOWN | {"content_type": value}).content_type == value


@pytest.mark.parametrize(
    "value",
    ["", "text", "text/", "/plain", "text/plain\r\nX: 1", "text/plain\n", "text/plain;", "té/xt", "a/" + "b" * 254],
)
def test_what_is_no_media_type_is_refused(value):
    with pytest.raises(ValidationError, match="content_type"):
        Artifact.model_validate(KNOWN | {"content_type": value})


@pytest.mark.parametrize(
    "change",
    [{"size_bytes": -1}, {"size_bytes": 2**63}, {"created": -1.0}, {"created": float("nan")}, {"name": "scan.mrd"}],
)
def test_what_cannot_be_is_refused(change):
    with pytest.raises(ValidationError, match=next(iter(change))):
        Artifact.model_validate(KNOWN | change)


def test_an_entry_of_a_manifest_names_an_artifact():
    entry = ManifestEntry(name="results/a.json", artifact=Artifact.model_validate(KNOWN))
    assert entry.model_dump() == {"name": "results/a.json", "artifact": KNOWN}


@pytest.mark.parametrize("name", ["", "x" * 1025])
def test_the_name_of_an_entry_is_neither_empty_nor_endless(name):
    with pytest.raises(ValidationError, match="name"):
        ManifestEntry.model_validate({"name": name, "artifact": KNOWN})
