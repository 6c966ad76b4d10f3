"""A few seconds of benchmarks/soak.py: random users find no exception and leave no thread."""

import pytest

from benchmarks.soak import soak


@pytest.mark.slow
def test_a_few_seconds_of_random_users(capsys: pytest.CaptureFixture[str]) -> None:
    assert soak(0.12, seed=5) == []
    assert "actions" in capsys.readouterr().out
