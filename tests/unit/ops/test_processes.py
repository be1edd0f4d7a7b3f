"""Children: started, watched, started again, stopped in order. Real processes, small ones."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.ops.processes import EX_CONFIG, Child, Family, Stopped
from tests.waiting import until

#: Says "up", and on SIGTERM writes its name to a file before it ends.
POLITE = """
import signal, sys, time
def end(*_):
    open(sys.argv[2], "a").write(sys.argv[1] + "\\n"); sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("up", flush=True)
while True: time.sleep(0.02)
"""
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def child(tmp_path: Path, name: str, code: str = POLITE, **more: float) -> Child:
    command = [sys.executable, "-c", code, name, str(tmp_path / "ended")]
    return Child(name, command, log=tmp_path / f"{name}.log", **more)  # type: ignore[arg-type]


def up(one: Child) -> bool:
    return "up" in one.tail()


def test_children_are_stopped_by_sigterm_in_the_order_in_which_they_stand(tmp_path: Path) -> None:
    said: list[str] = []
    with Family(said.append) as family:
        last = family.add(child(tmp_path, "store"))
        middle = family.add(child(tmp_path, "worker"), first=True)
        first = family.add(child(tmp_path, "web"), first=True)
        until(lambda: up(first) and up(middle) and up(last))
    assert (tmp_path / "ended").read_text().split() == ["web", "worker", "store"]
    assert said == ["Stopping web.", "Stopping worker.", "Stopping store."]
    assert not any(one.running for one in (first, middle, last))


def test_a_child_that_does_not_end_is_killed_after_its_patience(tmp_path: Path) -> None:
    with Family(lambda _: None) as family:
        one = family.add(child(tmp_path, "stubborn", STUBBORN, patience=0.3))
        until(lambda: up(one))
    assert one.process is not None
    assert one.process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_the_watch_and_a_second_one_does_not_cut_the_stop_short(tmp_path: Path, number: int) -> None:
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        os.kill(os.getpid(), signal.SIGINT)  # somebody presses Ctrl-C again while we stop

    with pytest.raises(Stopped), Family(say) as family:  # noqa: PT012
        one = family.add(child(tmp_path, "store"))
        until(lambda: up(one))
        os.kill(os.getpid(), number)
        family.watch()
    assert said == ["Stopping store."]
    assert (tmp_path / "ended").read_text().split() == ["store"]


def test_a_child_that_ends_is_started_again_after_a_pause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("broker.ops.processes._FIRST_PAUSE", 0.05)
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        if len(said) == 2:
            raise Stopped

    with pytest.raises(Stopped), Family(say) as family:  # noqa: PT012
        family.add(Child("worker", [sys.executable, "-c", "raise SystemExit(3)"], pause=0.05))
        family.watch()
    assert [line.split(";")[0] for line in said] == ["worker ended (code 3)"] * 2


def test_a_child_whose_settings_cannot_be_used_ends_the_watch(tmp_path: Path) -> None:
    with Family(lambda _: None) as family:
        family.add(Child("web", [sys.executable, "-c", f"raise SystemExit({EX_CONFIG})"]))
        assert family.watch() == EX_CONFIG


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells children that their parent died")
def test_children_get_a_sigterm_when_their_parent_is_killed(tmp_path: Path) -> None:
    script = (
        "import sys, time\nfrom pathlib import Path\nfrom broker.ops.processes import Child\n"
        f"c = Child('store', [sys.executable, '-c', {POLITE!r}, 'store', {str(tmp_path / 'ended')!r}],"
        f" log=Path({str(tmp_path / 'log')!r}))\nc.start()\nprint(c.process.pid, flush=True)\ntime.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert int(parent.stdout.readline()) > 1
        until(lambda: (tmp_path / "log").exists() and "up" in (tmp_path / "log").read_text())
        parent.kill()
        until(lambda: (tmp_path / "ended").exists())


def test_a_childs_environment_and_log_are_its_own(tmp_path: Path) -> None:
    code = "import os; print(sorted(set(os.environ) - {'LC_CTYPE', '__CF_USER_TEXT_ENCODING'}))"
    one = Child("x", [sys.executable, "-c", code], environ={"ONLY": "1"}, log=tmp_path / "x.log")
    one.start()
    until(lambda: not one.running)
    assert one.tail() == "['ONLY']"
    assert "ONLY" not in repr(one)
