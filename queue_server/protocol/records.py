"""Records of what work leaves behind: artifacts, and the names under which they are handed out. It opens no file."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

MAX_MEMBER_BYTES: Final = 1024
"""Length of the name of a file in a manifest, in bytes of UTF-8."""

DEFAULT_CONTENT_TYPE: Final = "application/octet-stream"

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
CONTENT_TYPE_PATTERN: Final = rf'^{_TOKEN}/{_TOKEN}(; ?{_TOKEN}=({_TOKEN}|"[ !#-\[\]-~]*"))*$'
"""A media type as RFC 9110 has it, in ASCII: nothing that could end a header line."""

MAX_CONTENT_TYPE_LENGTH: Final = 255

ARTIFACT_ID_PATTERN: Final = r"^[0-9a-f]{64}$"
ArtifactId = Annotated[
    str,
    Field(pattern=ARTIFACT_ID_PATTERN, description="SHA-256 of the bytes: 64 hexadecimal digits in lower case."),
]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)


class Artifact(_Record):
    """A file that is known by its content: the same bytes are the same artifact."""

    id: ArtifactId
    size_bytes: int = Field(ge=0, lt=2**63, description="Length of the file, in bytes.")
    content_type: str = Field(
        default=DEFAULT_CONTENT_TYPE,
        max_length=MAX_CONTENT_TYPE_LENGTH,
        pattern=CONTENT_TYPE_PATTERN,
        description="Media type, as whoever wrote the file has stated it; nobody has looked whether it is true.",
    )
    created: float = Field(ge=0, description="When the file was complete, in seconds since 1970-01-01 UTC.")


class ManifestEntry(_Record):
    """One file as people see it: its name, which may be a relative path with slashes, and what is in it."""

    name: str = Field(min_length=1, max_length=MAX_MEMBER_BYTES, description="Name, or relative path with slashes.")
    artifact: Artifact
