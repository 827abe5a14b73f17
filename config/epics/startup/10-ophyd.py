"""A device of ophyd, by Channel Access through pyepics: the axis X."""

from ophyd import Component, EpicsSignal, EpicsSignalRO, PVPositioner


class OphydAxis(PVPositioner):
    """An axis that is moved by its setpoint and says itself when it has arrived."""

    setpoint = Component(EpicsSignal, "SETPOINT")
    readback = Component(EpicsSignalRO, "READBACK")
    done = Component(EpicsSignalRO, "DONE")
    done_value = 1
    stop_signal = Component(EpicsSignal, "STOP")
    stop_value = 1


stage_x = OphydAxis(f"{PREFIX}X:", name="stage_x", egu="mm")
stage_x.wait_for_connection(timeout=CONNECT_WITHIN_S)
