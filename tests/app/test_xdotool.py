"""The application as a user sees it: a screen, a mouse, a keyboard, and files on the disk; see benchmarks/as_a_user.py."""

import shutil
from pathlib import Path

import pytest

from benchmarks import as_a_user


@pytest.mark.window
@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(not all(map(shutil.which, as_a_user.TOOLS)), reason="Xvfb, xdotool or xwd is missing; dev.py test installs them")
def test_a_user_opens_mixes_undoes_exports_and_quits(tmp_path: Path) -> None:
    assert "add up" in as_a_user.main(tmp_path / "pictures")
    assert len(list((tmp_path / "pictures").glob("*.png"))) >= 10
