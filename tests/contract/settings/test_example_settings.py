"""The example files of config/ say what the code understands."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from queue_server.compat.launch_settings import make_settings, read_wishes
from queue_server.config import SETTINGS_FILE, Settings, load_settings
from queue_server.protocol.peer import Peer
from queue_server.transport.allow_list import AllowList

CONFIG = Path(__file__).parents[3] / "config"


@pytest.fixture(autouse=True)
def environ(monkeypatch):
    """An environment without settings."""
    for name in [name for name in os.environ if name.startswith(("CUELIGHT_", "QSERVER_"))]:
        monkeypatch.delenv(name)


def test_our_settings_file_loads_and_shows_the_defaults():
    settings = load_settings({"config": CONFIG})
    default = Settings()
    written = settings.model_fields_set - {"config", "data"}
    assert written >= {"startup", "control", "info", "publish_console", "console_output", "verbosity"}
    assert [name for name in written if getattr(settings, name) != getattr(default, name)] == []


def test_the_encrypted_variant_of_our_settings_file_loads(tmp_path):
    lines = (CONFIG / SETTINGS_FILE).read_text(encoding="utf-8").splitlines()
    variant = [line.removeprefix("#   ") for line in lines if line.startswith("#   ")]
    plain = [line for line in lines if not line.startswith(("control:", "info:", "#"))]
    (tmp_path / SETTINGS_FILE).write_text("\n".join([*plain, *variant]), encoding="utf-8")
    settings = load_settings({"config": tmp_path})
    assert settings.is_encrypted
    assert settings.control == "tcp://0.0.0.0:60615"
    assert settings.curve_clients_file == Path("/etc/cuelight/clients")


def test_the_list_of_clients_loads(tmp_path):
    shutil.copy(CONFIG / "clients", tmp_path)
    key = b"Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
    assert AllowList(tmp_path / "clients").find(key) == Peer("operator-console")


def test_the_stock_configuration_file_loads_and_everything_in_it_has_an_effect():
    settings, notes = make_settings(read_wishes(["--config", str(CONFIG / "re-manager.yaml")], "re-manager", {}))
    assert notes == []
    assert (settings.control, settings.publish_console) == ("tcp://127.0.0.1:60615", True)
