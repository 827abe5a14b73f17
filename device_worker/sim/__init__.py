"""The simulated profile: devices, plans and permissions for trying things out. Importing it starts nothing."""

from pathlib import Path
from typing import Final

STARTUP_MODULE: Final = "device_worker.sim.startup"
"""The module whose import creates the devices and the RunEngine."""

DIRECTORY: Final = Path(__file__).parent
"""Where the files lie that belong to the profile, such as its permissions."""
