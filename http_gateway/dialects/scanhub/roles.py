"""What the roles of ScanHub's users mean here, unless the settings say otherwise. Data, nothing else."""

from __future__ import annotations

from collections.abc import Mapping

ROLES: Mapping[str, tuple[str, ...]] = {
    "admin": ("admin", "expert"),
    "medical": ("user",),
    "scientist": ("expert",),
    "engineer": ("advanced",),
}
