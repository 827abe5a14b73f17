"""A manager that knows workflows, groups and submissions as far as clients of flowserv ask for them; all in memory."""

from __future__ import annotations

import hashlib
import uuid
from functools import wraps

from queue_server.artifacts.expectation import Expectation
from queue_server.artifacts.store import open_artifacts

CREATED = 1_700_000_000.25
COLUMNS = [
    {"name": "score", "label": "Score", "dtype": "float", "required": True, "path": "score"},
    {"name": "hits", "label": "Hits", "dtype": "int", "required": True, "path": "hits"},
    {"name": "chi", "label": "Goodness", "dtype": "float", "required": False, "path": "chi"},
    {"name": "note", "label": "Note", "dtype": "string", "required": False, "path": "note"},
]
PARAMETERS = [
    {"name": "energy", "dtype": "float", "index": 0, "is_required": True, "minimum": 0, "exclusive_maximum": 20.5},
    {
        "name": "points",
        "dtype": "int",
        "index": 1,
        "is_required": False,
        "default": 11,
        "minimum": 1,
        "label": "Points",
    },
    {"name": "mask", "dtype": "file", "index": 2, "is_required": False, "target": "data/mask.txt", "group": "more"},
    {
        "name": "mode",
        "dtype": "select",
        "index": 3,
        "is_required": False,
        "default": "fast",
        "help": "How it scans",
        "values": [
            {"name": "Fast", "value": "fast", "is_default": True},
            {"name": "Slow", "value": "slow", "is_default": False},
        ],
    },
    {"name": "tags", "dtype": "list", "index": 4, "is_required": False, "item": {"name": "tag", "dtype": "string"}},
    {
        "name": "limits",
        "dtype": "record",
        "index": 5,
        "is_required": False,
        "fields": [{"name": "low", "dtype": "float", "exclusive_minimum": 0}, {"name": "flat", "dtype": "bool"}],
    },
    {"name": "who", "dtype": "string", "index": 6, "is_required": False, "default": "anybody"},
]
PEAKS = {
    "id": "peaks",
    "name": "Peaks",
    "description": "Scans a peak.",
    "instructions": "Give an energy.",
    "parameters": PARAMETERS,
    "parameter_groups": [{"name": "more", "title": "More", "index": 0}],
    "result_schema": {"file": "results/fit.json", "columns": COLUMNS, "order_by": []},
    "outputs": [
        {
            "source": "results/fit.json",
            "key": "fit",
            "title": "The fit",
            "caption": "As found",
            "format": {"type": "json"},
        },
        {"source": "plot.csv", "key": "plot.csv", "widget": "table"},
    ],
    "version": 1,
}
BARE = {
    "id": "bare.1",
    "name": "Without a ranking",
    "parameters": [],
    "parameter_groups": [],
    "outputs": [],
    "version": 1,
}


class Refusal(Exception):
    """What the manager answers with an error of this code."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def _missing(what):
    return Refusal("not_found", f"There is no {what}.")


def _answering(function):
    @wraps(function)
    def answer(params):
        try:
            given = {name: value for name, value in params.items() if name not in ("user_group",)}
            return {"success": True, "msg": "", **function(**given)}
        except Refusal as error:
            return {"success": False, "msg": str(error), "error": {"code": error.code, "details": {}}}

    return answer


class FlowservManager:
    """Content for an ``AnsweringManager``; ``data`` is the data directory of the gateway."""

    def __init__(self, data):
        self.store = open_artifacts(data)
        self.workflows = {each["id"]: each for each in (PEAKS, BARE)}
        self.groups = {}
        self.submissions = {}
        self.postprocessing = {}
        self.orders = []

    def serve(self, manager):
        """Let a manager answer from this content."""
        for name in dir(self):
            if name.startswith(("workflow_", "submission_")):
                manager.answers[name] = _answering(getattr(self, name))

    # --- content ----------------------------------------------------------------------------------------------------

    def file(self, name, content, content_type="application/json"):
        """Store a file; return it as the manager tells it."""
        artifact_id = hashlib.sha256(content).hexdigest()
        if not self.store.contains(artifact_id):
            with self.store.begin(Expectation(content_type=content_type)) as writer:
                writer.write(content)
                writer.commit()
        return {
            "id": uuid.uuid4().hex,
            "name": name,
            "artifact_id": artifact_id,
            "size_bytes": len(content),
            "content_type": content_type,
            "created": CREATED,
        }

    def group(self, name, owner, members=()):
        """Add a group."""
        group = {
            "id": name,
            "name": f"Group {name}",
            "workflow_id": "peaks",
            "owner": owner,
            "members": list(members),
            "parameters": [],
            "config": {},
            "created": CREATED,
            "files": [],
        }
        self.groups[name] = group
        return group

    def submission(self, group, state="queued", results=(), **more):
        """Add a submission of a group."""
        known = {
            "id": str(uuid.uuid4()),
            "state": state,
            "message": "",
            "workflow_id": "peaks",
            "workflow_version": 1,
            "group_id": group,
            "created": CREATED,
            "creator": "somebody",
            "arguments": {},
            "results": list(results),
            "time_started": None,
        }
        submission = known | more
        self.submissions[submission["id"]] = submission
        return submission

    def result(self, attempt=1, outcome="completed", **more):
        """Return the result of an attempt."""
        return {
            "attempt": attempt,
            "item_uid": str(uuid.uuid4()),
            "outcome": outcome,
            "time_start": CREATED + attempt,
            "time_stop": CREATED + attempt + 0.5,
            "run_uids": [],
            "metrics": {},
            "metrics_error": "",
            "message": "",
            "files": [],
        } | more

    # --- methods ----------------------------------------------------------------------------------------------------

    def workflow_list(self, limit, cursor):
        """One workflow a page."""
        at = int(cursor or 0)
        found = list(self.workflows.values())
        return {"workflows": found[at : at + 1], "next_cursor": str(at + 1) if at + 1 < len(found) else None}

    def workflow_get(self, workflow_id, version=None):
        """A workflow."""
        return {"workflow": self._workflow(workflow_id), "postprocessing": self.postprocessing.get(workflow_id)}

    def workflow_ranking(self, workflow_id, order_by, include_all, limit):
        """All successful submissions with metrics, in the order in which they were made."""
        schema = self._workflow(workflow_id).get("result_schema")
        if schema is None:
            return {"schema": None, "ranking": [], "postprocessing": None}
        self.orders.append((order_by, include_all))
        for each in order_by or ():
            if each["name"] not in [column["name"] for column in schema["columns"]]:
                raise Refusal("invalid_parameter", f"There is no column {each['name']!r}.")
        entries = []
        for submission in self.submissions.values():
            for result in submission["results"]:
                if submission["workflow_id"] == workflow_id and result["metrics"]:
                    entries.append(self._entry(len(entries) + 1, submission, result))
        return {"schema": schema, "ranking": entries, "postprocessing": self.postprocessing.get(workflow_id)}

    def _entry(self, rank, submission, result):
        group = self.groups.get(submission["group_id"])
        return {
            "rank": rank,
            "submission_id": submission["id"],
            "attempt": result["attempt"],
            "group": group and {"id": group["id"], "name": group["name"]},
            "time_created": submission["created"],
            "time_start": result["time_start"],
            "time_stop": result["time_stop"],
            "values": result["metrics"],
        }

    def workflow_result_archive(self, workflow_id):
        """The files of the post-processing."""
        return {"manifest": self._served(workflow_id)}

    def workflow_result_file(self, workflow_id, file_id):
        """One of them."""
        return {"file": self._file(self._served(workflow_id), file_id)}

    def workflow_group_list(self, limit, cursor, workflow_id=None, member=None):
        """The groups of a member, one a page."""
        at = int(cursor or 0)
        found = [each for each in self.groups.values() if workflow_id in (None, each["workflow_id"])]
        found = [each for each in found if member in (None, each["owner"], *each["members"])]
        return {"groups": found[at : at + 1], "next_cursor": str(at + 1) if at + 1 < len(found) else None}

    def workflow_group_get(self, group_id):
        """A group."""
        if group_id not in self.groups:
            raise _missing("group")
        return {"group": self.groups[group_id]}

    def workflow_group_add(self, group, user="bob"):
        """A new group; its name is the only one."""
        if group["name"] in [each["name"] for each in self.groups.values()]:
            raise Refusal("conflict", "There is a group with this name.")
        made = self.group(group.get("id") or uuid.uuid4().hex, user, group.get("members", ()))
        made |= {name: group[name] for name in ("name", "parameters", "config") if name in group}
        return {"group": made}

    def workflow_group_update(self, group_id, **changes):
        """A changed group."""
        changes.pop("user", None)
        self.groups[group_id] |= changes
        return {"group": self.groups[group_id]}

    def workflow_group_remove(self, group_id, user=""):
        """A group less."""
        del self.groups[group_id]
        return {}

    def workflow_group_file_add(self, group_id, file, user=""):
        """A file more."""
        kept = {**file, "id": uuid.uuid4().hex, "created": CREATED}
        self.groups[group_id]["files"].append(kept)
        return {"file": kept}

    def workflow_group_file_remove(self, group_id, file_id, user=""):
        """A file less."""
        group = self.groups[group_id]
        group["files"] = [each for each in group["files"] if each["id"] != file_id]
        return {}

    def submission_add(self, workflow_id, group_id, arguments, user=""):
        """A new submission."""
        unknown = set(arguments) - {each["name"] for each in PARAMETERS}
        if unknown or "energy" not in arguments:
            raise Refusal("invalid_parameter", f"Unknown or missing arguments: {sorted(unknown) or ['energy']}.")
        return {"submission": self.submission(group_id, arguments=arguments)}

    def submission_get(self, submission_id):
        """A submission."""
        if submission_id not in self.submissions:
            raise _missing("submission")
        return {"submission": self.submissions[submission_id]}

    def submission_list(self, limit, cursor, group_id):
        """The submissions of a group, two a page."""
        at = int(cursor or 0)
        found = [each for each in self.submissions.values() if each["group_id"] == group_id]
        return {"submissions": found[at : at + 2], "next_cursor": str(at + 2) if at + 2 < len(found) else None}

    def submission_cancel(self, submission_id, reason="", user=""):
        """A submission that waits no more; one that runs does so for a while yet."""
        if self.submissions[submission_id]["state"] != "running":
            self.submissions[submission_id] |= {"state": "removed", "message": reason}
        return {"submission": self.submissions[submission_id]}

    def submission_remove(self, submission_id, user=""):
        """A submission less."""
        del self.submissions[submission_id]
        return {}

    def _workflow(self, workflow_id):
        if workflow_id not in self.workflows:
            raise _missing("workflow")
        return self.workflows[workflow_id]

    def _served(self, workflow_id):
        self._workflow(workflow_id)
        submission = self.postprocessing.get(workflow_id)
        if submission is None or submission["state"] != "completed":
            raise _missing("successful post-processing")
        return submission["results"][-1]["files"]

    def _file(self, files, file_id):
        found = [each for each in files if each["id"] == file_id]
        if not found:
            raise _missing("file")
        return found[0]
