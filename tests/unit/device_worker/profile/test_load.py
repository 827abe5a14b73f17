from __future__ import annotations

import logging
import sys

import pytest

from device_worker.profile import ProfileError, StartupSource, find_run_engine, load_profile


def test_files_of_a_directory_share_one_namespace_in_the_order_of_their_names(startup):
    directory = startup(
        _10_second="order.append(__file__)", _00_first="order = [__file__]", _99_last="order += ['end']"
    )
    (directory / "notes.txt").write_text("not code")
    (directory / "package.py").mkdir()
    namespace = load_profile(StartupSource.from_directory(directory)).namespace
    assert namespace["order"] == [str(directory / "00_first.py"), str(directory / "10_second.py"), "end"]


def test_startup_code_runs_under_the_name_main_and_leaves_no_file_name(load):
    namespace = load(_00_first="name, file = __name__, __file__\ndef function(): pass\nclass Device: pass").namespace
    assert namespace["name"] == "__main__"
    assert namespace["function"].__module__ == namespace["Device"].__module__ == "__main__"
    assert namespace["file"].endswith("00_first.py")
    assert "__file__" not in namespace


def test_functions_see_what_later_files_define(load):
    namespace = load(_00_first="def read(): return later", _01_second="later = 5").namespace
    assert namespace["read"]() == 5


def test_modules_beside_the_startup_files_can_be_imported_while_they_load(startup):
    directory = startup(_00_first="from zz_beside_directory import value", zz_beside_directory="value = 7")
    before = list(sys.path)
    assert load_profile(StartupSource.from_directory(directory)).namespace["value"] == 7
    assert sys.path == before


def test_a_single_file_is_loaded_with_its_directory_first_on_the_path(startup):
    directory = startup(one="import zz_beside_file, sys\nfirst = sys.path[0]", zz_beside_file="", other="1 / 0")
    before = list(sys.path)
    namespace = load_profile(StartupSource.from_file(directory / "one.py")).namespace
    assert namespace["first"] == str(directory)
    assert sys.path == before


def test_a_module_is_imported_under_its_own_name(startup, monkeypatch):
    directory = startup(zz_startup_module="value = __name__\ndef function(): pass")
    monkeypatch.syspath_prepend(str(directory))
    namespace = load_profile(StartupSource("module", "zz_startup_module")).namespace
    assert namespace["value"] == "zz_startup_module"
    assert namespace["function"].__module__ == "zz_startup_module"


def test_a_failure_names_file_and_line_and_hides_the_frames_of_the_loader(startup):
    directory = startup(_00_first="def fail():\n    return 1 / 0\n", _01_second="x = 1\n\nfail()\n")
    with pytest.raises(ProfileError, match=r"01_second.py' failed: division by zero") as caught:
        load_profile(StartupSource.from_directory(directory))
    lines = [line.strip() for line in caught.value.traceback.splitlines()]
    places = [line for line in lines if line.startswith("File ")]
    assert places == [
        f'File "{directory / "01_second.py"}", line 3, in <module>',
        f'File "{directory / "00_first.py"}", line 2, in fail',
    ]
    assert "fail()" in lines
    assert lines[-1] == "ZeroDivisionError: division by zero"


def test_a_syntax_error_names_file_and_line(startup):
    directory = startup(_00_first="x = 1\nif x\n    y = 2\n")
    with pytest.raises(ProfileError) as caught:
        load_profile(StartupSource.from_directory(directory))
    assert f'File "{directory / "00_first.py"}", line 2' in caught.value.traceback
    assert "SyntaxError" in caught.value.traceback


def test_code_after_a_failure_is_not_executed_and_the_path_is_restored(startup, tmp_path):
    target = tmp_path / "touched"
    directory = startup(_00_first="raise SystemExit(3)", _01_second=f"open({str(target)!r}, 'w')")
    before = list(sys.path)
    with pytest.raises(ProfileError, match="00_first"):
        load_profile(StartupSource.from_directory(directory))
    assert not target.exists()
    assert sys.path == before


def test_ctrl_c_is_not_taken_for_a_failure_of_the_startup_code(startup):
    directory = startup(_00_first="raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        load_profile(StartupSource.from_directory(directory))


def test_a_module_that_does_not_exist_or_fails_is_reported(startup, monkeypatch):
    with pytest.raises(ProfileError, match="'zz_no_such_module' failed: No module named"):
        load_profile(StartupSource("module", "zz_no_such_module"))
    directory = startup(zz_failing_module="raise ValueError('no beam')")
    monkeypatch.syspath_prepend(str(directory))
    with pytest.raises(ProfileError, match="no beam") as caught:
        load_profile(StartupSource("module", "zz_failing_module"))
    assert 'zz_failing_module.py", line 1' in caught.value.traceback
    assert "importlib" not in caught.value.traceback


def test_a_directory_that_is_no_package_is_not_taken_for_an_empty_module(tmp_path, monkeypatch):
    (tmp_path / "zz_only_a_directory").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ProfileError, match=r"directory without __init__\.py"):
        load_profile(StartupSource("module", "zz_only_a_directory"))


def test_missing_places_are_reported(tmp_path):
    with pytest.raises(ProfileError, match="does not exist"):
        load_profile(StartupSource.from_directory(tmp_path / "missing"))
    with pytest.raises(ProfileError, match="does not exist"):
        load_profile(StartupSource.from_file(tmp_path / "missing.py"))
    with pytest.raises(ProfileError, match=r"contains no \*.py or \*.ipy file"):
        load_profile(StartupSource.from_directory(tmp_path))


def test_interactive_habits_are_tolerated(load, caplog):
    caplog.set_level(logging.INFO)
    namespace = load(
        _00_first="""
        from IPython import get_ipython
        from IPython.core.getipython import get_ipython as shell
        get_ipython().user_ns["value"] = 5
        shell().log.info("logged by startup code")
        get_ipython().run_line_magic("matplotlib", "qt")
        get_ipython().magic("autoreload 2")
        get_ipython().register_magics(object)

        def later():
            from IPython import get_ipython
            return get_ipython().user_ns["value"]
        """
    ).namespace
    assert namespace["value"] == namespace["later"]() == 5
    assert namespace["get_ipython"]().user_ns is namespace
    assert "logged by startup code" in caplog.text
    assert "'%matplotlib qt'" in caplog.text
    assert "'%autoreload 2'" in caplog.text


def test_magic_lines_of_an_ipy_file_are_skipped_and_line_numbers_stay(startup, caplog):
    caplog.set_level(logging.INFO)
    directory = startup(
        _00_first_ipy="""\
        %matplotlib inline
        !echo "it's (open
        text = \'\'\'
        %s is no magic
        \'\'\' % 3
        if text:
            %time x
        value = (7
                 % 4)
        raise ValueError(text, value)
        """
    )
    with pytest.raises(ProfileError) as caught:
        load_profile(StartupSource.from_directory(directory))
    assert '00_first.ipy", line 10' in caught.value.traceback
    assert "3 is no magic" in str(caught.value)
    skipped = [record.args[0] for record in caplog.records if "made for IPython" in record.message]
    assert sorted(skipped) == [1, 2, 7]


def test_magic_lines_of_a_py_file_are_errors(startup):
    with pytest.raises(ProfileError, match="invalid syntax"):
        load_profile(StartupSource.from_directory(startup(_00_first="%matplotlib inline")))


def test_future_imports_of_the_loader_do_not_reach_startup_code(load):
    namespace = load(_00_first="def plan(a: int): yield").namespace
    assert namespace["plan"].__annotations__["a"] is int


def test_the_encoding_that_a_file_declares_is_honoured(startup):
    directory = startup()
    (directory / "00_first.py").write_bytes("# -*- coding: latin-1 -*-\ntext = 'für'\n".encode("latin-1"))
    assert load_profile(StartupSource.from_directory(directory)).namespace["text"] == "für"


def test_the_run_engine_of_the_startup_code_is_found(load):
    engine = object.__new__(_run_engine_class())
    assert find_run_engine({"RE": engine}) is engine
    assert find_run_engine({}) is None
    assert find_run_engine(load(_00_first="RE = None").namespace) is None
    with pytest.raises(ProfileError, match="'RE' is a int, not a RunEngine"):
        find_run_engine({"RE": 5})


def _run_engine_class():
    from bluesky.run_engine import RunEngine

    return type("BareRunEngine", (RunEngine,), {"__del__": lambda self: None})
