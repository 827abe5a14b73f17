"""What an environment uses of the process that it lives in. Does nothing by itself."""

from __future__ import annotations

from dataclasses import dataclass, field

from device_worker.activity import Activity
from device_worker.claimed_devices import ClaimedDevices
from device_worker.commands import Commands, Reporter
from device_worker.device_values import DeviceValuesFlow
from device_worker.documents.flow import DocumentFlow
from device_worker.movables import Movables
from device_worker.run_engine.outputs import Outputs
from device_worker.task_orders import TaskOrders
from queue_server.clock import Clock


@dataclass(frozen=True, slots=True)
class EnvironmentParts:
    """What an environment uses of the process."""

    activity: Activity
    commands: Commands
    task_orders: TaskOrders
    reporter: Reporter
    clock: Clock
    movables: Movables = field(default_factory=Movables)
    claimed: ClaimedDevices = field(default_factory=ClaimedDevices)
    documents: DocumentFlow = field(default_factory=DocumentFlow)
    outputs: Outputs = field(default_factory=Outputs)
    device_values: DeviceValuesFlow = field(default_factory=DeviceValuesFlow)
