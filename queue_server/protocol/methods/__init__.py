"""All declared methods by name: those with which a queue is run, and the others as soon as one is asked for."""

from __future__ import annotations

from queue_server.protocol.late import LateMap
from queue_server.protocol.method import Method, collect
from queue_server.protocol.methods import (
    environment,
    estop,
    execution,
    items,
    lanes,
    locks,
    queue,
    run,
    service,
)


def _load() -> dict[str, Method]:
    from queue_server.protocol.methods import (
        artifacts,
        batches,
        catalog,
        device_access,
        device_pages,
        devices,
        events,
        exam_results,
        exam_sequences,
        exam_tasks,
        exam_trigger,
        exam_workflows,
        exams,
        history,
        items_together,
        permissions,
        recordings,
        results,
        submissions,
        tasks,
        undo,
        validation,
        workflow_groups,
        workflows,
    )

    return collect(
        service.METHODS,
        lanes.METHODS,
        events.METHODS,
        environment.METHODS,
        queue.METHODS,
        items.METHODS,
        items_together.METHODS,
        undo.METHODS,
        execution.METHODS,
        history.METHODS,
        run.METHODS,
        estop.METHODS,
        catalog.METHODS,
        device_pages.METHODS,
        devices.METHODS,
        device_access.METHODS,
        locks.METHODS,
        tasks.METHODS,
        permissions.METHODS,
        validation.METHODS,
        exams.METHODS,
        exam_workflows.METHODS,
        exam_tasks.METHODS,
        exam_trigger.METHODS,
        exam_results.METHODS,
        exam_sequences.METHODS,
        workflows.METHODS,
        workflow_groups.METHODS,
        submissions.METHODS,
        batches.METHODS,
        results.METHODS,
        recordings.METHODS,
        artifacts.METHODS,
    )


METHODS: LateMap[Method] = LateMap(
    collect(
        service.METHODS,
        lanes.METHODS,
        environment.METHODS,
        queue.METHODS,
        items.METHODS,
        execution.METHODS,
        run.METHODS,
        estop.METHODS,
        locks.METHODS,
    ),
    _load,
)
