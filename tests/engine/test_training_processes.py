"""Training over processes: killed and resumed is as if never stopped, whoever mixes; several processes learn as one."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from corpora import SMALL, SMALL_NET, same, state_of, train

from engine.errors import BadInputError
from engine.training import trainer
from engine.training.batches import Batch, loader
from engine.training.ranks import Place, joined

ROOT = Path(__file__).parents[2]
CPU = torch.device("cpu")
CHILD = """
import os, signal, sys
from dataclasses import replace
from pathlib import Path
sys.path.insert(0, "tests/engine")
from corpora import SMALL
from engine.training import loop, trainer
data, work, kill_at, changes = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), eval(sys.argv[4])
learn = trainer.Trainer.learn
def learn_or_die(self, batch, rate=None):
    if self.step == kill_at:
        os.kill(os.getpid(), signal.SIGKILL)
    learn(self, batch, rate)
trainer.Trainer.learn = learn_or_die
loop.train(replace(SMALL, **changes), data, work, work / "weights", n_workers=0, every=3, bf16=False, device="cpu")
"""


def child(data: Path, work: Path, kill_at: int = -1, changes: dict[str, Any] | None = None, **env: str) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-c", CHILD, str(data), str(work), str(kill_at), repr(changes or {})]
    env = {**os.environ, "OMP_NUM_THREADS": "1", **env}
    return subprocess.Popen(words, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def take(stream: Any, n: int) -> list[Batch]:
    return [next(stream) for _ in range(n)]


@pytest.mark.parametrize("n_workers", [1, 2])
def test_seed_and_number_decide_a_batch_whoever_makes_it(data: Path, cache: Path, n_workers: int) -> None:
    alone = take(loader(SMALL, data, cache, 0, 0), 5)
    assert same(alone, take(loader(SMALL, data, cache, 0, n_workers), 5))
    assert same(alone[3:], take(loader(SMALL, data, cache, 3, n_workers), 2))
    other = take(loader(replace(SMALL, seed=6), data, cache, 0, 0), 1)
    assert not same(alone[0], other[0]) and not same(alone[0], alone[1])


@pytest.mark.parametrize("n_ranks", [2, 3])
def test_ranks_deal_the_batches_out_among_them(data: Path, cache: Path, n_ranks: int) -> None:
    alone = take(loader(SMALL, data, cache, 0, 0), 2 * n_ranks)
    for rank in range(n_ranks):
        assert same(alone[rank::n_ranks], take(loader(SMALL, data, cache, 0, 1, rank=rank, n_ranks=n_ranks), 2))


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
def test_killed_and_resumed_gives_the_weights_of_one_go(data: Path, tmp_path: Path) -> None:
    killed = child(data, tmp_path / "cut", kill_at=5)  # after the state of step 3 was kept: two steps are lost
    whole = train(SMALL, data, tmp_path / "whole")
    assert killed.wait() == -signal.SIGKILL
    killed.communicate()
    assert state_of(tmp_path / "cut")["step"] == 3
    for n_workers in (0, 1):
        cut = shutil.copytree(tmp_path / "cut", tmp_path / f"resumed {n_workers}")
        resumed = train(SMALL, data, cut, n_workers)
        assert resumed["step"] == whole["step"] == SMALL.steps
        assert same(resumed, whole)
        files = sorted(p.name for p in (cut / "weights").iterdir())
        assert files == ["tiny.json", "tiny.safetensors"]
        for name in files:
            assert (cut / "weights" / name).read_bytes() == (tmp_path / "whole" / "weights" / name).read_bytes()
        before = (cut / "tiny.log.jsonl").read_text()
        assert [json.loads(line)["step"] for line in before.splitlines()] == [3, 6, 9]
        assert same(train(SMALL, data, cut), whole)  # nothing is left to do
        assert (cut / "tiny.log.jsonl").read_text() == before


# ------------------------------------------------------------------------------------------------------- several processes


def free_port() -> str:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return str(s.getsockname()[1])


@pytest.mark.slow
@pytest.mark.skipif(not torch.distributed.is_available() or os.name == "nt", reason="gloo over the loopback")
def test_two_processes_learn_by_their_mean_gradient_and_leave_one_set_of_files(data: Path, cache: Path, tmp_path: Path) -> None:
    # plain steps: what differs in the gradient differs in the weights; nothing drops out, because each process drops other things
    changes = {"optimiser": "sgd", "steps": 3, "clip_norm": 1e9, "net_config": {**SMALL_NET, "dropout": 0.0}}
    told = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port(), "GLOO_SOCKET_IFNAME": "lo"}
    ranks = [child(data, tmp_path, changes=changes, RANK=str(r), LOCAL_RANK=str(r), **told) for r in range(2)]
    for rank in ranks:
        _, said = rank.communicate(timeout=120)
        assert rank.returncode == 0, said.decode()
    found = sorted(p.name for p in tmp_path.rglob("*") if p.is_file() and p.suffix != ".npy")
    assert found == ["tiny.json", "tiny.log.jsonl", "tiny.safetensors", "tiny.state.pt"]
    assert len((tmp_path / "tiny.log.jsonl").read_text().splitlines()) == 1

    alone = trainer.Trainer(replace(SMALL, **changes), Place(CPU), bf16=False)
    stream = loader(SMALL, data, cache, 0, 0)
    for _ in range(3):
        one, two = take(stream, 2)  # batches 2k and 2k + 1 as one: the mean over both is the mean of the means
        alone.learn({k: torch.cat([one[k], two[k]]) for k in one})
    state = state_of(tmp_path)
    began = trainer.Trainer(replace(SMALL, **changes), Place(CPU)).net.state_dict()
    for name, value in alone.net.state_dict().items():
        moved = (value - began[name]).abs().max()
        assert (state["net"][name] - value).abs().max() <= 1e-3 * moved + 1e-7, name


def test_alone_there_is_one_rank_and_no_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with joined("cpu") as place:
        net = torch.nn.Linear(1, 1)
        assert place == Place(CPU, 0, 1) and place.averaging(net) is net and place.is_first
        assert not torch.distributed.is_initialized()
    with pytest.raises(BadInputError, match="no compute device 'tpu'"), joined("tpu"):
        pass
