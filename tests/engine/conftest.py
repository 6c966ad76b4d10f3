"""What tests of training share: a tiny corpus and a folder of its decoded sounds, once a file."""

from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two songs to learn from, one to validate with, a pool of basses."""
    from corpora import tiny_corpus  # torch: only where it is asked for

    return tiny_corpus(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for decoded sounds."""
    return tmp_path_factory.mktemp("decoded")
