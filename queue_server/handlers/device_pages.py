"""Handler of the method that returns devices page by page."""

from __future__ import annotations

from queue_server.handlers.aside import Aside
from queue_server.handlers.context import MemoryContext
from queue_server.handlers.group import group
from queue_server.protocol.methods.device_pages import DevicesPage, DevicesPageParams


def page_devices(context: MemoryContext, params: DevicesPageParams) -> Aside:
    """Return a page of the devices of a user group."""
    resources, uid = context.desk.resources, context.desk.status()["devices_allowed_uid"]
    resources.policy.rules_of(params.user_group)
    lists = resources.lists_of(context.lane)

    def find() -> DevicesPage:
        page = lists.page_devices(params.user_group, params.limit, params.cursor)
        return DevicesPage(page.entries, page.total, page.next_after, uid)

    return Aside(find)


GROUP = group(memory={"devices_page": page_devices})
