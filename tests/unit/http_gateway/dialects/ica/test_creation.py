"""Bodies that create batches: their forms, what becomes of their values, and where something is wrong."""

from __future__ import annotations

import copy
import json
import uuid

import pytest

from http_gateway.dialects.ica.creation import read_items
from http_gateway.dialects.ica.errors import MOST_PLACES, ContentError

SOME_ID = str(uuid.UUID(int=7))
ELSEWHERE = {"url": "s3://b/k", "type": "s3", "mountPath": "in", "s3Details": {"storageCredentialsId": "x"}}
COMMON = {"userReference": "a run/of-mine_1", "pipelineId": "demo-pipeline"}
CWL = {
    **COMMON,
    "tags": {"technicalTags": ["t", None], "userTags": ["u"], "referenceTags": None},
    "analysisStorageId": SOME_ID,
    "outputParentFolderId": "fol.1",
    "logs": {"logsFolderPath": "/logs"},
    "analysisOutput": [
        {"sourcePath": "out", "targetProjectId": SOME_ID, "targetPath": "/x", "type": "FOLDER", "actionOnExist": "SKIP"}
    ],
    "activationCodeDetailId": SOME_ID,
    "analysisInput": {
        "objectType": "STRUCTURED",
        "inputs": [
            {
                "parameterCode": "reads",
                "dataIds": ["fil.1", "fil.2"],
                "mounts": [{"dataId": "fil.1", "mountPath": "r"}],
            },
            {"parameterCode": "more", "mounts": [{"dataId": "fil.3", "mountPath": "r"}], "externalData": [ELSEWHERE]},
            {"parameterCode": "nothing"},
        ],
        "parameters": [
            {"code": "num", "value": "5"},
            {"code": "names", "multiValue": ["a", None, "b"]},
            {"code": "no"},
        ],
        "referenceDataParameters": [{"parameterCode": "genome", "referenceDataId": SOME_ID}, {}],
    },
}
CWL_JSON = {
    **COMMON,
    "analysisInput": {
        "objectType": "JSON",
        "inputJson": json.dumps({"num": 5, "deep": {"a": [1.5]}, "no": None}),
        "dataIds": ["fil.1"],
        "mounts": [],
        "externalData": [ELSEWHERE],
    },
}
NEXTFLOW = {**COMMON, "analysisInput": {"inputs": [], "parameters": [{"code": "num", "value": "6"}]}}
FORM = {
    **COMMON,
    "inputFormValues": {
        "fields": [
            {"id": "num", "values": ["7"]},
            {"id": "reads", "dataValues": [{"dataId": "fil.1"}], "externalDataValues": [ELSEWHERE]},
            {"id": "samples", "sampleValues": [SOME_ID], "runSampleValues": [SOME_ID]},
            {"id": "empty", "values": []},
        ],
        "groups": [{"id": "pairs", "values": [{"values": [{"id": "x", "values": ["1"]}]}, {}]}, {"id": "none"}],
    },
}
BODY = {"cwlItems": [CWL, CWL_JSON], "nextflowItems": [NEXTFLOW], "nextflowJsonItems": [FORM]}


def changed(path, value):
    """The body with another value at a path, or without what stands there."""
    body = copy.deepcopy(BODY)
    *way, last = path
    place = body
    for step in way:
        place = place[step]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return body


def refused(body, most=100):
    """The places at which something is wrong."""
    with pytest.raises(ContentError) as raised:
        read_items(body, most)
    assert raised.value.http_status == 400
    return raised.value.places


# --- what is asked for ----------------------------------------------------------------------------------------------


def test_values_become_arguments_and_all_else_is_kept_as_it_came():
    wanted = read_items(BODY, 4)
    cwl, cwl_json, nextflow, form = wanted.items
    assert cwl["arguments"] == {
        "reads": ["fil.1", "fil.2"],
        "more": ["fil.3", "s3://b/k"],
        "num": "5",
        "names": ["a", "b"],
        "genome": SOME_ID,
    }
    assert cwl_json["arguments"] == {"num": 5, "deep": {"a": [1.5]}}
    assert nextflow["arguments"] == {"num": "6"}
    assert form["arguments"] == {
        "num": "7",
        "reads": ["fil.1", "s3://b/k"],
        "samples": [SOME_ID, SOME_ID],
        "pairs": [{"x": "1"}, {}],
    }
    assert [each["request"] for each in wanted.items] == [
        {"kind": "cwlItems", "item": CWL},
        {"kind": "cwlItems", "item": CWL_JSON},
        # All that it says stands in the arguments.
        {"kind": "nextflowItems", "item": COMMON},
        {"kind": "nextflowJsonItems", "item": FORM},
    ]


def test_each_item_names_its_workflow_its_reference_and_its_tags_and_lets_texts_be_read():
    item = read_items(BODY, 4).items[0]
    assert (item["workflow_id"], item["reference"], item["tags"], item["cast"]) == (
        "demo-pipeline",
        "a run/of-mine_1",
        ["t", "u"],
        True,
    )


def test_null_counts_as_absent():
    body = {**BODY, "cwlItems": None, "nextflowItems": [{**NEXTFLOW, "tags": None, "logs": None}]}
    assert len(read_items(body | {"nextflowJsonItems": None}, 4).items) == 1
    nothing = {"inputs": [], "parameters": None, "referenceDataParameters": [None]}
    assert read_items({"nextflowItems": [{**NEXTFLOW, "analysisInput": nothing}]}, 4).items[0]["arguments"] == {}


@pytest.mark.parametrize("reference", ["a", "a b_c-9", "a/b", "a/b/c", "/a", "-", " ", "x" * 255])
def test_references_of_ica_are_taken(reference):
    assert read_items(changed(("nextflowItems", 0, "userReference"), reference), 4).items[2]["reference"] == reference


# --- what is wrong --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reference", ["", "x" * 256, "a/", "a//b", "a.b", "ä", "a\n", "/", 7, None, ...])
def test_other_references_are_refused(reference):
    assert set(refused(changed(("nextflowItems", 0, "userReference"), reference))) == {"nextflowItems[0].userReference"}


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        (("cwlItem",), [], "cwlItem"),
        (("cwlItems",), {}, "cwlItems"),
        (("cwlItems", 0), "x", "cwlItems[0]"),
        (("cwlItems", 1), None, "cwlItems[1]"),
        (("cwlItems", 0, "pipelineId"), ..., "cwlItems[0].pipelineId"),
        (("cwlItems", 0, "pipelineId"), "", "cwlItems[0].pipelineId"),
        (("cwlItems", 0, "pipelineID"), "x", "cwlItems[0].pipelineID"),
        (("cwlItems", 0, "pipeline_id"), "x", "cwlItems[0].pipeline_id"),
        (("cwlItems", 0, "tags", "userTags"), "x", "cwlItems[0].tags.userTags"),
        (("cwlItems", 0, "tags", "userTags"), [1], "cwlItems[0].tags.userTags[0]"),
        (("cwlItems", 0, "tags", "tags"), [], "cwlItems[0].tags.tags"),
        (("cwlItems", 0, "analysisStorageId"), "x", "cwlItems[0].analysisStorageId"),
        (("cwlItems", 0, "analysisOutput", 0, "sourcePath"), ..., "cwlItems[0].analysisOutput[0].sourcePath"),
        (("cwlItems", 0, "analysisOutput", 0, "type"), "LINK", "cwlItems[0].analysisOutput[0].type"),
        (("cwlItems", 0, "analysisInput"), ..., "cwlItems[0].analysisInput"),
        (("cwlItems", 0, "analysisInput", "objectType"), "XML", "cwlItems[0].analysisInput"),
        (("cwlItems", 0, "analysisInput", "objectType"), ..., "cwlItems[0].analysisInput"),
        (("cwlItems", 0, "analysisInput", "inputs"), ..., "cwlItems[0].analysisInput.inputs"),
        (
            ("cwlItems", 0, "analysisInput", "inputs", 0, "mounts", 0, "mountPath"),
            ...,
            "cwlItems[0].analysisInput.inputs[0].mounts[0].mountPath",
        ),
        (
            ("cwlItems", 0, "analysisInput", "parameters", 0, "value"),
            5,
            "cwlItems[0].analysisInput.parameters[0].value",
        ),
        (
            ("cwlItems", 0, "analysisInput", "parameters", 0, "valeu"),
            "5",
            "cwlItems[0].analysisInput.parameters[0].valeu",
        ),
        (
            ("cwlItems", 0, "analysisInput", "parameters", 0, "multiValue"),
            [],
            "cwlItems[0].analysisInput.parameters[0]",
        ),
        (
            ("cwlItems", 0, "analysisInput", "parameters", 1, "code"),
            "reads",
            "cwlItems[0].analysisInput.parameters[1]",
        ),
        (("cwlItems", 1, "analysisInput", "inputJson"), "{", "cwlItems[1].analysisInput.inputJson"),
        (("cwlItems", 1, "analysisInput", "inputJson"), "[]", "cwlItems[1].analysisInput.inputJson"),
        (("cwlItems", 1, "analysisInput", "inputJson"), '{"a":1,"a":2}', "cwlItems[1].analysisInput.inputJson"),
        (("nextflowItems", 0, "analysisInput", "objectType"), "JSON", "nextflowItems[0].analysisInput.objectType"),
        (("nextflowJsonItems", 0, "inputFormValues"), ..., "nextflowJsonItems[0].inputFormValues"),
        (
            ("nextflowJsonItems", 0, "inputFormValues", "fields", 0, "id"),
            ...,
            "nextflowJsonItems[0].inputFormValues.fields[0].id",
        ),
        (
            ("nextflowJsonItems", 0, "inputFormValues", "fields", 1, "id"),
            "num",
            "nextflowJsonItems[0].inputFormValues.fields[1]",
        ),
        (("nextflowJsonItems", 0, "activationCodeDetailId"), SOME_ID, "nextflowJsonItems[0].activationCodeDetailId"),
    ],
)
def test_every_wrong_value_is_refused_at_its_place(path, value, place):
    assert set(refused(changed(path, value))) == {place}


def test_all_wrong_places_are_listed_but_no_more_than_an_answer_holds():
    body = {"nextflowItems": [{**NEXTFLOW, "userReference": "?"} for _ in range(MOST_PLACES + 50)]}
    with pytest.raises(ContentError, match=f"And {MOST_PLACES + 49} more") as raised:
        read_items(body, 1000)
    assert list(raised.value.places) == [f"nextflowItems[{number}].userReference" for number in range(MOST_PLACES)]
    assert all(isinstance(text, str) for text in raised.value.places.values())


@pytest.mark.parametrize("body", [{}, {"cwlItems": []}, {"cwlItems": None, "nextflowItems": []}])
def test_a_batch_without_items_is_refused(body):
    assert set(refused(body)) == {"cwlItems", "nextflowItems", "nextflowJsonItems"}


def test_a_batch_with_too_many_items_is_refused():
    assert len(read_items({"nextflowItems": [NEXTFLOW] * 5}, 5).items) == 5
    assert refused({"nextflowItems": [NEXTFLOW] * 6}, 5)


@pytest.mark.parametrize("body", [[], "x", None, 7])
def test_a_body_that_is_no_object_is_refused(body):
    assert set(refused(body)) == {"body"}


# --- what the manager finds wrong -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ours", "place"),
    [
        ("items[0].arguments.num", "cwlItems[0].analysisInput.parameters[0]"),
        ("items[0].arguments.reads[1]", "cwlItems[0].analysisInput.inputs[0]"),
        ("items[0].arguments.missing", "cwlItems[0].analysisInput.missing"),
        ("items[1].arguments.deep", "cwlItems[1].analysisInput.inputJson"),
        ("items[2].arguments.num.x", "nextflowItems[0].analysisInput.parameters[0]"),
        ("items[2].arguments.number", "nextflowItems[0].analysisInput.number"),
        ("items[2].workflow_id", "nextflowItems[0].pipelineId"),
        ("items[3].arguments.pairs", "nextflowJsonItems[0].inputFormValues.groups[0]"),
        ("items[3].arguments.missing", "nextflowJsonItems[0].inputFormValues.missing"),
        ("items[3].reference", "nextflowJsonItems[0].userReference"),
        ("items[3]", "nextflowJsonItems[0]"),
        ("items[3].item.kwargs", "nextflowJsonItems[0]"),
        ("items[4].workflow_id", "items[4].workflow_id"),
        ("lane", "lane"),
    ],
)
def test_the_manager_s_places_are_told_as_those_of_the_body(ours, place):
    assert read_items(BODY, 4).place_of(ours) == place
