"""The training loop: a plain one, because the whole of it fits on a page and nothing it does needs a framework.

Lightning was weighed: it would add its own checkpoints, callbacks and processes around forty lines. What it does better
(several machines) is torchrun's work anyway.
"""

import hashlib
import json
import math
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from engine.nets import build_net
from engine.training.batches import Batch, loader, sums_of
from engine.training.config import TrainConfig
from engine.training.data import ROLES, Corpus
from engine.training.losses import band_error, separation_loss


def learning_rate(step: int, c: TrainConfig) -> float:
    """Linear warm-up, a level stretch, then over the last `decay_steps` linearly down to a hundredth.

    A run that is to go on longer needs only more steps: nothing before the decay depends on where the end is.
    """
    rise = min(1.0, (step + 1) / c.warmup_steps)
    fall = min(1.0, max(0.0, (c.steps - step) / c.decay_steps))
    return c.learning_rate * rise * max(0.01, fall)


def valid_batches(config: TrainConfig, data: Path, cache: Path) -> list[Batch]:
    """The validation songs in stretches of the training length, every second one."""
    corpus = Corpus(data, cache, split="valid")
    n_samples = (config.n_frames - 1) * config.hop + config.n_fft
    out = []
    for song in corpus.songs.values():
        for start in range(0, max(len(c.samples) for c in song.values()) - n_samples, 2 * n_samples):
            stems = np.zeros((len(ROLES), 2, n_samples), np.float32)
            for i, role in enumerate(ROLES):
                if role in song:
                    stems[i] = corpus.excerpt(song[role], start, n_samples)
            out.append({k: torch.from_numpy(v)[None] for k, v in sums_of(stems, config).items()})
    return out


@torch.inference_mode()
def validate(net: nn.Module, batches: list[Batch], window: int = 43) -> dict[str, float]:
    """SDR in dB over windows of about a second, counted in bands (close to the SDR in samples).

    Each stem's median, and "mean": over stems, of the mean over windows clipped to -5 .. 15 dB, which is steadier than the
    median where a stem comes and goes; the best weights are chosen by it.
    """
    net.eval()
    errors, powers = [], []
    for b in batches:
        error = band_error(net(b["features"]).float().softmax(1), b["mix"], b["cross"], b["power"])
        n = error.shape[-1] // window * window
        errors.append(error[..., :n].unflatten(-1, (-1, window)).sum(dim=(2, 4))[0])
        powers.append(b["power"][..., :n].unflatten(-1, (-1, window)).sum(dim=(2, 4))[0])
    error, power = torch.cat(errors, -1), torch.cat(powers, -1)
    net.train()
    heard = power > 1e-3 * power.amax(dim=1, keepdim=True)
    sdr = 10 * torch.log10(power / error.clamp_min(1e-9))
    scores = {r: float(sdr[i][heard[i]].median()) for i, r in enumerate(ROLES)}
    clipped = [float(sdr[i][heard[i]].clamp(-5, 15).mean()) for i in range(len(ROLES))]
    return {**scores, "mean": sum(clipped) / len(clipped)}


def save_weights(net_state: dict[str, Tensor], config: TrainConfig, folder: Path) -> None:
    """Float16 safetensors and the config beside it, each replaced whole."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{config.name}.part"
    metadata = {"name": config.name, "net": config.net, "net_config": json.dumps(config.net_config), "stems": ",".join(ROLES)}
    metadata |= {"n_fft": str(config.n_fft), "hop": str(config.hop), "rate_hz": "44100"}
    save_file({k: v.detach().to(torch.float16).contiguous().clone() for k, v in net_state.items()}, part, metadata=metadata)
    part.replace(folder / f"{config.name}.safetensors")
    write_card(config, folder)


def write_card(config: TrainConfig, folder: Path) -> None:
    """NAME.json beside NAME.safetensors: its SHA-256 and the whole recipe (engine.weights reads it)."""
    sha256 = hashlib.sha256((folder / f"{config.name}.safetensors").read_bytes()).hexdigest()
    said = {"sha256": sha256, **asdict(config)}
    (folder / f"{config.name}.json").write_text(json.dumps(said, indent=1) + "\n")


def train(config: TrainConfig, data: Path, work: Path, weights: Path, n_workers: int = 1, every: int = 200, bf16: bool = True) -> None:
    """Train from where `work` stands (or from the start) to config.steps; keeps the best averaged weights in `weights`.

    `work` holds the resumable state and log.jsonl; a kill at any moment loses at most `every` steps.
    """
    work.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(config.seed)
    net = build_net(config.net, config.net_config)
    mean = build_net(config.net, config.net_config)
    mean.load_state_dict(net.state_dict())
    optimiser = torch.optim.AdamW(net.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    step, best = 0, -math.inf
    state_path = work / f"{config.name}.state.pt"
    if state_path.exists():
        state = torch.load(state_path, weights_only=True)
        net.load_state_dict(state["net"])
        mean.load_state_dict(state["mean"])
        optimiser.load_state_dict(state["optimiser"])
        step, best = state["step"], state["best"]
        print(f"resumed at step {step} of {config.steps}", flush=True)
    valid = valid_batches(config, data, work / "decoded")
    stream = loader(config, data, work / "decoded", step, n_workers)
    started, first_step, running = time.perf_counter(), step, 0.0
    while step < config.steps:
        batch = next(stream)
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, config)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
            logits = net(batch["features"])
        loss = separation_loss(logits.float().softmax(1), batch["mix"], batch["cross"], batch["power"])
        optimiser.zero_grad()
        loss.backward()
        norm = float(nn.utils.clip_grad_norm_(net.parameters(), config.clip_norm))
        if math.isfinite(norm):
            optimiser.step()
        step += 1
        keep = min(config.ema, step / (step + 10))
        with torch.no_grad():
            for m, p in zip(mean.parameters(), net.parameters(), strict=True):
                m.lerp_(p, 1 - keep)
        running = 0.98 * running + 0.02 * loss.item() if running else loss.item()
        if step % 20 == 0:
            a_step = (time.perf_counter() - started) / (step - first_step)
            audio = config.batch * config.n_frames * config.hop / 44100 / a_step
            left = (config.steps - step) * a_step / 60
            print(f"step {step}  loss {running:.4f}  {audio:.0f} s of music a second  {left:.0f} min left", flush=True)
        if step % every == 0 or step == config.steps:
            scores = validate(mean, valid)
            with (work / f"{config.name}.log.jsonl").open("a") as log:
                log.write(json.dumps({"step": step, "loss": running, **{k: round(v, 3) for k, v in scores.items()}}) + "\n")
            print(f"step {step}  valid SDR " + "  ".join(f"{k} {v:.2f}" for k, v in scores.items()), flush=True)
            if scores["mean"] > best:
                best = scores["mean"]
                save_weights(mean.state_dict(), config, weights)
            part = state_path.with_suffix(".part")
            torch.save({"net": net.state_dict(), "mean": mean.state_dict(), "optimiser": optimiser.state_dict(),
                        "step": step, "best": best, "config": json.dumps(asdict(config))}, part)
            part.replace(state_path)
