"""Plans: the simplest ones of Bluesky, and one of this beamline."""

from bluesky.plan_stubs import mv
from bluesky.plans import count, grid_scan, scan


def find_beam(width: float = 3.0, points: int = 7, exposure: float = 0.02):
    """Map the diode over both axes around the origin.

    Parameters
    ----------
    width
        Side of the square in millimetres.
    points
        Number of points along each axis.
    exposure
        Exposure time of the diode in seconds.
    """
    yield from mv(diode.exposure, exposure)
    half = width / 2
    yield from grid_scan([diode], stage_x, -half, half, points, stage_y, -half, half, points)
