"""What the methods about workflows, groups and submissions have in common: which record is meant, and who may."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from queue_server.handlers.context import TurnContext
from queue_server.handlers.submission_states import find_active, show
from queue_server.protocol.errors import ForbiddenError, NotFoundError
from queue_server.protocol.methods.workflows import FileReply
from queue_server.protocol.submissions import AttemptResult, FollowedSubmission, Submission
from queue_server.protocol.workflow_groups import Group
from queue_server.protocol.workflows import Workflow


class Asking(Protocol):
    """Parameters that may say who asks."""

    @property
    def user(self) -> str | None:
        """Name of the person or program."""
        ...


def find_workflow(context: TurnContext, identity: str, version: int | None = None) -> Workflow:
    """Return a workflow.

    Raises:
        NotFoundError: there is none of that id, or no such version of it.
    """
    found = context.turn.tx.workflow(identity, version)
    if found is None:
        which = f"no version {version} of the workflow" if version is not None else "no workflow"
        raise NotFoundError(f"There is {which} {identity!r}.")
    return found


def find_group(context: TurnContext, identity: str) -> Group:
    """Return a group.

    Raises:
        NotFoundError: there is none of that id.
    """
    found = context.turn.tx.group(identity)
    if found is None:
        raise NotFoundError(f"There is no group {identity!r}.")
    return found


def find_submission(context: TurnContext, identity: str) -> FollowedSubmission:
    """Return a submission with what has become of it; an id of a batch item is one of its submission as well.

    Raises:
        NotFoundError: there is none of that id.
    """
    tx = context.turn.tx
    found = tx.submission(identity) or tx.batch_submission(identity)
    if found is None:
        raise NotFoundError(f"There is no submission {identity!r}.")
    return tx.follow([found])[0]


def asking_user(context: TurnContext, params: Asking) -> str:
    """Return who asks: the claim of a gateway, else what the request says of itself; empty if nobody says."""
    return context.origin.user or params.user or ""


def require_member(context: TurnContext, group: Group, params: Asking) -> None:
    """Refuse whoever is known and is no member of a group.

    Raises:
        ForbiddenError: the user is none.
    """
    user = asking_user(context, params)
    if user and user not in group.members:
        raise ForbiddenError(f"Only members of the group {group.name!r} may do this, and {user!r} is none.")


def require_member_of(context: TurnContext, submission: Submission, params: Asking) -> None:
    """Refuse whoever is known and is no member of the group of a submission, if it is one of a group.

    Raises:
        ForbiddenError: the user is none.
    """
    group = None if submission.group is None else context.turn.tx.group(submission.group)
    if group is not None:
        require_member(context, group, params)


def show_submission(context: TurnContext, submission: Submission) -> dict[str, Any]:
    """Return a submission as clients see it."""
    return show(context.turn.tx.follow([submission])[0], find_active(context))


def show_served(context: TurnContext, workflow: str) -> dict[str, Any] | None:
    """Return the submission that is served as the post-processing of a workflow, or None."""
    served = context.turn.tx.newest_postprocessing(workflow, served=True)
    submission = None if served is None else context.turn.tx.submission(served.submission)
    return None if submission is None else show_submission(context, submission)


def find_file(results: Sequence[AttemptResult], identity: str) -> FileReply:
    """Return a file of some results.

    Raises:
        NotFoundError: none of them has it.
    """
    for result in results:
        for file in result.files:
            if file.id == identity:
                return FileReply(file.shown())
    raise NotFoundError(f"There is no file {identity!r} here.")
