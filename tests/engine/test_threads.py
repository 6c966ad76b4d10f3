"""Torch's threads wait shortly, unless whoever started Nullsum said otherwise."""

import os

import pytest

from engine.threads import WAITING, wait_shortly


@pytest.mark.parametrize("said", [{}, {"OMP_WAIT_POLICY": "ACTIVE"}, {"GOMP_SPINCOUNT": "7"}])
def test_what_the_user_said_wins(said: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in WAITING:
        monkeypatch.setenv(name, "")  # so that what is set below is taken back
        monkeypatch.delenv(name)
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    wait_shortly()
    found = {name: os.environ.get(name) for name in WAITING}
    assert found == ({**dict.fromkeys(WAITING), **said} if "OMP_WAIT_POLICY" in said else {**WAITING, **said})
