"""Journeys through libica as it comes from PyPI, in a process of its own: `journeys.py ADDRESS KEY PIPELINE`.

On the standard input there are JSON documents that each model of the client must read. Printed is what became of each
journey: "done", or a traceback.
"""

from __future__ import annotations

import json
import sys
import traceback
import uuid
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from libica.openapi.v3 import ApiClient, Configuration
from libica.openapi.v3.api.project_analysis_creation_batch_api import ProjectAnalysisCreationBatchApi
from libica.openapi.v3.exceptions import (
    BadRequestException,
    ConflictException,
    NotFoundException,
    UnauthorizedException,
    UnprocessableEntityException,
)
from libica.openapi.v3.models.analysis_creation_batch_item_paged_list_v3 import AnalysisCreationBatchItemPagedListV3
from libica.openapi.v3.models.analysis_creation_batch_item_v3 import AnalysisCreationBatchItemV3
from libica.openapi.v3.models.analysis_creation_batch_item_v4 import AnalysisCreationBatchItemV4
from libica.openapi.v3.models.create_analysis_creation_batch import CreateAnalysisCreationBatch
from libica.openapi.v3.models.problem import Problem

V3, V4 = "application/vnd.illumina.v3+json", "application/vnd.illumina.v4+json"
MODELS = {"V3": AnalysisCreationBatchItemV3, "V4": AnalysisCreationBatchItemV4, "problem": Problem}
PROJECT = "demo"


class Site:
    """The gateway: its address, the key, and the workflow for batches."""

    def __init__(self, address, key, pipeline, documents):
        self.address, self.key, self.pipeline, self.documents = address, key, pipeline, documents

    def api(self, accept=f"{V4}, {V3}", key=None):
        """Return a new client, whose connection nobody else has."""
        client = ApiClient(Configuration(host=f"{self.address}/ica/rest", access_token=key or self.key))
        if accept is not None:
            client.set_default_header("Accept", accept)
        return ProjectAnalysisCreationBatchApi(client)

    def item(self, reference="a run", **parameters):
        """Return an item as a client writes it."""
        return {
            "userReference": reference,
            "pipelineId": self.pipeline,
            "analysisInput": {"inputs": [], "parameters": [{"code": k, "value": v} for k, v in parameters.items()]},
        }

    def body(self, *items, **lists):
        """Return the body that creates a batch."""
        return CreateAnalysisCreationBatch.from_dict({"nextflowItems": list(items), **lists})

    def numbered(self, size):
        """Return the body of a batch whose items are called by their numbers."""
        return self.body(*(self.item(str(number)) for number in range(size)))


def equal(found, expected):
    """Stop the journey unless both are the same."""
    if found != expected:
        raise AssertionError(f"found {found!r}, expected {expected!r}")


def header(answer: Any, name: str) -> str | None:
    """Return a header, however it is written."""
    return {key.lower(): value for key, value in answer.headers.items()}.get(name.lower())


def read(model: Any, text: str | bytes) -> Any:
    """Return what a model of the client reads in JSON."""
    return model.from_json(text)


def raised(kind, status, call, *args):
    """Make a call that must fail; return its problem, read by the client's model."""
    try:
        call(*args)
    except kind as error:
        problem = read(Problem, error.body)
        equal((error.status, problem.status), (status, status))
        return problem
    raise AssertionError(f"{kind.__name__} was not raised")


def read_all(api, batch, **query):
    """Return the items of all pages."""
    page = api.get_analysis_creation_batch_items(PROJECT, batch, **query)
    found = list(page.items)
    while page.next_page_token:
        page = api.get_analysis_creation_batch_items(PROJECT, batch, page_token=page.next_page_token, **query)
        found += page.items
    equal(page.remaining_records, 0)
    return found


def every_document_is_read_by_its_model(site):
    for model, document in site.documents:
        equal(read(MODELS[model], json.dumps(document)).to_dict().keys(), document.keys())


def all_kinds_of_items_come_back_as_they_were_sent(site):
    api = site.api()
    tags = {"technicalTags": ["t"], "userTags": ["u1", "u2"], "referenceTags": []}
    text = {"objectType": "JSON", "inputJson": json.dumps({"num": 2})}
    codes = {"objectType": "STRUCTURED", "inputs": [], "parameters": [{"code": "num", "value": "3"}]}
    form = {"fields": [{"id": "num", "values": ["4"]}]}
    common = {"pipelineId": site.pipeline, "tags": tags}
    body = site.body(
        site.item("e"),
        cwlItems=[
            {**common, "userReference": "a", "analysisInput": text},
            {**common, "userReference": "b", "analysisInput": codes},
        ],
        nextflowJsonItems=[{**common, "userReference": "f/g", "inputFormValues": form}],
    )
    made = api.create_analysis_creation_batch_with_http_info(PROJECT, body)
    equal((made.status_code, header(made, "Content-Type")), (201, V3))
    batch = str(made.data.id)
    equal(str(made.data.job.subject_id), batch)
    equal(api.get_analysis_creation_batch(PROJECT, batch), made.data)
    items = read_all(api, batch)
    equal([item.request.user_reference for item in items], ["a", "b", "e", "f/g"])
    equal({item.request.pipeline_id for item in items}, {site.pipeline})
    equal(items[0].request.tags.to_dict(), tags)
    equal({item.processing.status for item in items}, {"SUCCEEDED"})
    for item in items:
        equal(item.created_analysis.user_reference, item.request.user_reference)
        equal(item.created_analysis.tags, item.request.tags)
        equal(api.get_analysis_creation_batch_item(PROJECT, batch, str(item.id)).id, item.id)


def both_versions_are_read_by_their_models(site):
    made = site.api().create_analysis_creation_batch(PROJECT, site.numbered(2))
    old = site.api(accept=None)
    answer = old.get_analysis_creation_batch_items_without_preload_content(PROJECT, str(made.id))
    equal(header(answer, "Content-Type"), V3)
    page = read(AnalysisCreationBatchItemPagedListV3, answer.data)
    one = old.get_analysis_creation_batch_item_without_preload_content(PROJECT, str(made.id), str(page.items[0].id))
    item = read(AnalysisCreationBatchItemV3, one.data)
    equal(item.created_analysis.id, page.items[0].created_analysis.id)
    equal(item.created_analysis.owner_id, made.job.owner.id)
    new = site.api(accept=V4).get_analysis_creation_batch_items_with_http_info(PROJECT, str(made.id))
    equal((header(new, "Content-Type"), new.data.items[0].id), (V4, item.id))


def a_key_gives_the_answer_again_and_no_other_body(site):
    key, body = f"key of {uuid.uuid4()}", site.numbered(3)
    first = site.api().create_analysis_creation_batch_with_http_info(PROJECT, body, key)
    again = site.api().create_analysis_creation_batch_with_http_info(PROJECT, body, key)
    equal((again.status_code, again.raw_data), (201, first.raw_data))
    raised(UnprocessableEntityException, 422, site.api().create_analysis_creation_batch, PROJECT, site.numbered(4), key)
    equal(site.api().create_analysis_creation_batch(PROJECT, body, key), first.data)
    other = site.api().create_analysis_creation_batch(PROJECT, body, key.upper())
    equal(other.id == first.data.id, False)


def a_refusal_leaves_the_key_free_and_names_the_places(site):
    api, key = site.api(), f"key of {uuid.uuid4()}"
    wrong = site.body(site.item(), site.item(num="many"))
    problem = raised(BadRequestException, 400, api.create_analysis_creation_batch, PROJECT, wrong, key)
    equal(list(problem.parameters), ["nextflowItems[1].analysisInput.parameters[0]"])
    made = api.create_analysis_creation_batch(PROJECT, site.numbered(2), key)
    equal(len(read_all(api, str(made.id))), 2)


def of_many_at_once_one_creates(site):
    for size in (20, 300, 1000):
        key, body = f"key of {uuid.uuid4()}", site.numbered(size)

        def create(_, key=key, body=body):
            try:
                return site.api().create_analysis_creation_batch(PROJECT, body, key).id
            except ConflictException as error:
                equal(header(error, "Retry-After"), "1")
                return None

        with ThreadPoolExecutor(6) as pool:
            made = set(pool.map(create, range(6))) - {None}
        equal(len(made), 1)
        equal(create(None), made.pop())


def errors_are_problems(site):
    api, nobody = site.api(), str(uuid.uuid4())
    raised(UnauthorizedException, 401, site.api(key="wrong").get_analysis_creation_batch, PROJECT, nobody)
    raised(NotFoundException, 404, api.get_analysis_creation_batch, PROJECT, nobody)
    raised(NotFoundException, 404, api.get_analysis_creation_batch, "nowhere", nobody)
    raised(NotFoundException, 404, api.get_analysis_creation_batch_items, PROJECT, nobody)
    raised(NotFoundException, 404, api.get_analysis_creation_batch_item, PROJECT, nobody, nobody)
    raised(NotFoundException, 404, api.create_analysis_creation_batch, "nowhere", site.numbered(1))
    raised(BadRequestException, 400, api.create_analysis_creation_batch, PROJECT, site.body())
    newest = site.api(accept=V4)
    problem = raised(BadRequestException, 400, newest.create_analysis_creation_batch, PROJECT, site.numbered(1))
    equal((problem.title, problem.detail), ("ICA_API_004", "Invalid Accept Header"))
    made = str(api.create_analysis_creation_batch(PROJECT, site.numbered(1)).id)
    ask = partial(api.get_analysis_creation_batch_items, PROJECT, made)
    for query in ({"page_size": "0"}, {"page_token": "forged"}, {"page_offset": "200000"}, {"status": ["DONE"]}):
        raised(BadRequestException, 400, partial(ask, **query))


def offsets_and_filters_count_what_fits(site):
    api = site.api()
    made = str(api.create_analysis_creation_batch(PROJECT, site.numbered(25)).id)
    ask = partial(api.get_analysis_creation_batch_items, PROJECT, made)
    page = ask(page_offset="20", page_size="10", status=["SUCCEEDED", "RUNNING"])
    equal([item.request.user_reference for item in page.items], [str(number) for number in range(20, 25)])
    equal((page.total_item_count, page.next_page_token, page.remaining_records), (25, "", None))
    equal(ask(status=["FAILED", "WAITING_RESOURCES"]).items, [])
    equal(len(read_all(api, made, status=["SUCCEEDED"], page_size="7")), 25)


def two_thousand_items_are_paged_while_they_run(site):
    api = site.api()
    made = str(api.create_analysis_creation_batch(PROJECT, site.numbered(2_000)).id)
    seen = set()
    for size in ("100", "1000"):
        items = read_all(api, made, page_size=size)
        equal([item.request.user_reference for item in items], [str(number) for number in range(2_000)])
        equal(len({item.id for item in items}), 2_000)
        seen |= {item.created_analysis.status for item in items}
    while not {"QUEUED", "SUCCEEDED"} <= seen:
        seen |= {item.created_analysis.status for item in api.get_analysis_creation_batch_items(PROJECT, made).items}


JOURNEYS = [
    every_document_is_read_by_its_model,
    # What the others create waits behind it.
    two_thousand_items_are_paged_while_they_run,
    all_kinds_of_items_come_back_as_they_were_sent,
    both_versions_are_read_by_their_models,
    a_key_gives_the_answer_again_and_no_other_body,
    a_refusal_leaves_the_key_free_and_names_the_places,
    of_many_at_once_one_creates,
    errors_are_problems,
    offsets_and_filters_count_what_fits,
]


def travel(journey, site):
    with ThreadPoolExecutor(1) as pool:
        failure = pool.submit(journey, site).exception()
    return "done" if failure is None else "".join(traceback.format_exception(failure))


def main():
    address, key, pipeline = sys.argv[1:]
    site = Site(address, key, pipeline, json.load(sys.stdin))
    sys.stdout.write(json.dumps({journey.__name__: travel(journey, site) for journey in JOURNEYS}))


if __name__ == "__main__":
    main()
