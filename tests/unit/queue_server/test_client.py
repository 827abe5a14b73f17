import subprocess
import sys

import pytest

FORBIDDEN = ("pydantic", "typer", "rich", "apsw", "bluesky", "queue_server.protocol.method")


@pytest.mark.parametrize("module", ["queue_server.client", "queue_server.client.asynchronous"])
def test_importing_the_client_loads_no_heavy_library(module):
    code = f"import sys, {module}; print([name for name in {FORBIDDEN!r} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


def test_the_blocking_client_does_not_load_asyncio():
    code = "import sys, queue_server.client; print('asyncio' in sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "False"
