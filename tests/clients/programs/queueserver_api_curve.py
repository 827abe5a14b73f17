"""Ask for the status with bluesky-queueserver-api over an encrypted or a plain connection; print what became of it."""

from __future__ import annotations

import sys

from bluesky_queueserver_api.zmq import REManagerAPI

control, info, public_key, patience_s = sys.argv[1:]
RM = REManagerAPI(
    zmq_control_addr=control,
    zmq_info_addr=info,
    zmq_public_key=public_key or None,
    timeout_recv=float(patience_s),
    timeout_send=float(patience_s),
)
try:
    status = RM.status()
    sys.stdout.write(status["manager_state"] if status else "nothing")
except RM.RequestTimeoutError:
    sys.stdout.write("timeout")
finally:
    RM.close()
