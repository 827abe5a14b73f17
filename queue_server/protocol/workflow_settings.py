"""The setting that tells where a site keeps the files of its workflows; settings of documents are beside it."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from queue_server.protocol.document_settings import DocumentSettings


class WorkflowSettings(DocumentSettings):
    """The limits of one manager, where it takes documents, and where its workflows are."""

    config: Path | None = None
    workflows: Path | None = Field(
        default=None,
        description="Directory of workflow files (*.yaml), read at each start and on workflow_reload; by default the "
        "directory workflows beside the settings file.",
    )

    @property
    def workflow_directory(self) -> Path | None:
        """The directory of workflow files, None where there is no settings file either."""
        if self.workflows is not None or self.config is None:
            return self.workflows
        return self.config / "workflows"
