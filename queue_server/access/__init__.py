"""User groups: what each may use of the existing plans and devices, and whether an item fits its plan."""

from queue_server.access.catalog import EMPTY, Catalog, GroupCatalog
from queue_server.access.field_error import FieldError
from queue_server.access.policy import GroupRules, Policy, Rule
from queue_server.access.validate import validate_item

__all__ = [
    "EMPTY",
    "Catalog",
    "FieldError",
    "GroupCatalog",
    "GroupRules",
    "Policy",
    "Rule",
    "validate_item",
]
