"""The page of methods as Markdown, made of entries and scores; every sentence that judges is computed from the figures."""

import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from engine.evaluation.compare import legend, said
from engine.evaluation.metrics import MAX_DB, SILENT_DB
from engine.evaluation.scores import TrackScores
from engine.evaluation.tables import Row, groups, plain
from engine.evaluation.zoo_tables import (
    MEASURES,
    NOT_TRAINED,
    PUBLISHED,
    Entry,
    below,
    in_order,
    metric_of,
    one_table,
    paired,
    ranks_agree,
    tally,
)  # fmt: skip

SAID = {"method": "", "baseline": " (baseline)", "floor": " (floor)", "ceiling": " (ceiling)"}
COSTS = ("RTF", "MiB", "parameters", "file", "minutes trained")
ROMA = ("dnn", "cnn1", "cnn2")
HEAD = """# Methods, measured

Made by `python -m engine.evaluation.zoo`; every figure and every sentence that judges comes out of that run, nothing is written by hand.
The research nets are compact versions trained for minutes on openly licensed sound (minutes in the table): they show what a design
does here with that little, and are no measure of what its authors reached.
"""


def markdown_table(heads: Iterable[str], table: Iterable[Sequence[object]]) -> str:
    """A Markdown table, columns of figures to the right; floats with two digits, a dash where there is nothing."""
    heads, rows_ = list(heads), [[cell(value) for value in row] for row in table]
    is_figures = [all(re.match(r"[-+]?\d|-$", row[i]) for row in rows_) for i in range(len(heads))]
    lines = [f"| {' | '.join(heads)} |", f"|{'|'.join('---:' if right else '---' for right in is_figures)}|"]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows_]) + "\n"


def cell(value: object) -> str:
    """One cell as text."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def page(found: list[Entry], scores: list[TrackScores], about: dict[str, Any], plots: list[str], findings: str) -> str:
    """The whole page."""
    by_name = {entry.name: entry for entry in found}
    out = [HEAD, _songs(about)]
    for group in groups(scores):
        table = one_table(group)
        names, words = group[0].names, f" ({', '.join(group[0].names)})" if len(groups(scores)) > 1 else ""
        out += [f"## One table{words}\n", _one_table(table, names, by_name), _how(group)]
        out += [f"### Below the floor{words}\n", _below(table, names, by_name)]
        pictures = [p for p in plots if p.endswith(f"-{len(names)}-stems.png")]
        if pictures:
            out += [f"### Box plots{words}\n", *(f"![{p.split('-')[0].upper()} by method](methods/{p})\n" for p in pictures)]
        out += [f"### Which differences are more than luck{words}\n", _significance(group)]
    out += ["## Waveform nets: their own sound beside the masked stem\n", _raw(found)]
    out += ["## Methods whose stems are others\n", _others(found)]
    out += ["## Not scored\n", _not_scored(found)]
    out += ["## Beside the published figures\n", _published(scores)]
    out += ["## What agrees with the documents, and what does not\n", findings or _NO_FINDINGS]
    return "\n".join(out)


_NO_FINDINGS = "`python -m engine.training.findings` has not been run; its findings.md comes here with --findings.\n"


def as_json(found: list[Entry], scores: list[TrackScores], about: dict[str, Any]) -> str:
    """Everything on the page; the windows behind it stay in the working folder."""
    tables = [
        {"stems": group[0].names, "table": one_table(group), "tests": paired(group),
         "below_floor": below(one_table(group), "mixture", group[0].names)}
        for group in groups(scores)
    ]  # fmt: skip
    methods = [asdict(entry) for entry in found]
    for method in methods:
        method["songs"] = {name: {k: v for k, v in song.items() if k != "score"} for name, song in method["songs"].items()}
    return json.dumps(plain({"about": about, "groups": tables, "methods": methods}), separators=(",", ":")) + "\n"


def _songs(about: dict[str, Any]) -> str:
    told = [f"`{name}` from {s['start_s']:.0f} to {s['end_s']:.0f} s" for name, s in about["songs"].items()]
    one = len(told) == 1
    return (
        f"Scored: {', '.join(told)}"
        + (" (one song: differences between methods hold for it and for nothing else).\n" if one else ".\n")
        + f"Speed and memory: one thread, {about['cost_seconds']:g} s of the demo song, a process of its own.\n"
    )


def _one_table(table: list[Row], names: tuple[str, ...], by_name: dict[str, Entry]) -> str:
    figures = [key for m in MEASURES for key in (*(f"{m} {n}" for n in names), *(["sdr mean"] if m == "sdr" else []))]
    figures = [key for key in figures if any(key in row for row in table)]
    heads = ["method", *(f"{key.split()[0].upper()} {key.split()[1]}" for key in figures), *COSTS]
    named = [(f"{row['method']}{SAID[row['kind']]}", row) for row in table]
    return markdown_table(heads, ([name, *(row.get(key) for key in figures), *_costs(by_name.get(row["method"]))] for name, row in named))


def _costs(entry: Entry | None) -> list[str]:
    """RTF, memory, parameters, size of the file and minutes of an entry; dashes where there are none."""
    if entry is None:
        return ["-"] * len(COSTS)
    c, size = entry.costs, entry.learned
    return [
        f"{c['rtf']:.3f}" if "rtf" in c else "-",
        f"{c['mib']:.0f}" if "mib" in c else "-",
        f"{size['parameters'] / 1e6:.2f} M" if size.get("parameters") is not None else "-",  # type: ignore[operator]
        f"{size['bytes'] / 1e6:.1f} MB" if size.get("bytes") is not None else "-",  # type: ignore[operator]
        f"{size['minutes']:.1f}" if size.get("minutes") is not None else "-",
    ]


def _how(group: list[TrackScores]) -> str:
    n_songs = len({score.track for score in group})
    over = "median over them, then over songs" if n_songs > 1 else "median over them"
    return (
        "dB; SDR, SIR and SAR of BSS eval v4, within 0.3 dB of museval's on references with noise at -80 dB (without it museval's SIR and "
        f"SAR of a low-passed stem are another). Windows of 1 s where the true stem sounds ({_windows(group)}; above "
        f"{SILENT_DB:g} dB of the mixture's mean power); {over}. A baseline's SAR that is very high means that nothing was cut. "
        "*RTF*: processor time of masks over length of the sound. *MiB*: largest resident memory above that of the process before the "
        "method was made. *mixture*: the whole mixture as every stem. *equal*: the mixture in equal parts. *equaliser*: the best fixed "
        "third-octave equaliser, set with the truth at hand. *ibm*, *irm*: ideal binary and ratio masks.\n"
    )


def _windows(group: list[TrackScores]) -> str:
    """How many windows each stem is scored in, over all songs."""
    one = [score for score in group if score.method == group[0].method]
    metric = metric_of("sdr", group)
    n = {name: sum(int(np.isfinite(score.windows[metric][name]).sum()) for score in one) for name in group[0].names}
    return ", ".join(f"{count} of {name}" for name, count in n.items())


def _below(table: list[Row], names: tuple[str, ...], by_name: dict[str, Entry]) -> str:
    """The statement that is owed for every method and stem below the floor, and the harder line of equal shares."""
    out = []
    floor = below(table, "mixture", names)
    if floor:
        n = len({row["method"] for row in floor})
        out.append(f"{len(floor)} figures of {n} methods lie below the mixture taken as the estimate:\n")
        out += [f"- `{r['method']}`, {r['stem']}: {r['sdr']:.2f} dB, floor {r['line']:.2f} dB.{_why(r, by_name)}" for r in floor]
    else:
        out.append("No method lies below the mixture taken as the estimate on a stem that it claims.")
    equal = below(table, "equal", names)
    by_stem = {stem: [r["method"] for r in equal if r["stem"] == stem] for stem in names}
    said = "; ".join(f"{stem}: {', '.join(methods)}" for stem, methods in by_stem.items() if methods)
    out.append(f"\nBelow equal shares, which know nothing either: {said or 'none'}.\n")
    return "\n".join(out)


def _why(row: dict[str, Any], by_name: dict[str, Entry]) -> str:
    """What the figures themselves say of the reason: how much of the energy was given to the stem, and how long was learned."""
    entry = by_name.get(row["method"])
    songs = [song for song in entry.songs.values() if row["stem"] in song.get("given", {})] if entry else []
    if not entry or not songs:
        return ""
    given, true = (sum(song[key][row["stem"]] for song in songs) / len(songs) for key in ("given", "true"))
    minutes = entry.learned.get("minutes")
    trained = f"; trained for {minutes:.1f} min" if minutes is not None else ""
    more = f" See the limits in [its card](../resources/weights/{row['method']}.md#limits)." if entry.group == "built-in" else ""
    return f" Its {row['stem']} hold {given:.0%} of the mixture's energy, the true ones {true:.0%}{trained}.{more}"


def _significance(group: list[TrackScores]) -> str:
    """Roma's own three pair by pair, then how many of the others every method is better and worse than."""
    out = []
    names = group[0].names
    methods = list(dict.fromkeys(s.method for s in in_order(group) if s.kind == "method"))
    found = paired(group)
    pairs = next(((row["of"], row["pairs"]) for rows_ in found.values() for row in rows_), None)
    if pairs is None:
        return "There are no two methods to compare.\n"
    out.append(legend(pairs[0]) + "\n")
    own = paired(group, ROMA)
    told = [(m, r) for m, tests_ in own.items() for r in tests_]
    rows_ = [[f"{r['a']} - {r['b']}", m.upper(), r["stem"], r["pairs"], r["a_minus_b_db"], said(r)] for m, r in told]
    if rows_:
        out.append("The three of that paper, pair by pair:\n")
        out.append(markdown_table(["pair", "measure", "stem", "pairs", "median difference, dB", "p, Bonferroni"], rows_))
    for m, tests_ in found.items():
        out.append(f"<details><summary>{m.upper()}: better than / no telling / worse than so many of the other methods</summary>\n")
        out.append(markdown_table(["method", *names], ([row["method"], *(row[n] for n in names)] for row in tally(tests_, methods, names))))
        out.append("</details>\n")
    return "\n".join(out)


def _raw(found: list[Entry]) -> str:
    """The second table: SDR of raw and masked for both listeners."""
    told = [(e.name, song, r) for e in found for song, s in e.songs.items() if (r := s.get("raw"))]
    if not told:
        return "No waveform net has been trained.\n"
    many = len({song for _, song, _ in told}) > 1
    rows_ = []
    for name, song, r in told:
        for where in ("song", "net"):
            raw, masked = r[f"{where}_raw"], r[f"{where}_masked"]
            gain = [masked[n] - raw[n] for n in raw if raw[n] is not None and masked[n] is not None]
            mean = sum(gain) / len(gain) if gain else None
            label = f"{name}{f', {song}' if many else ''}, at the {where}"
            rows_.append([label, *(f"{cell(raw[n])} -> {cell(masked[n])}" for n in raw), mean, r["sum_error_db"]])
    stems = list(told[0][2]["song_raw"])
    better = sum(1 for row in rows_ if isinstance(row[-2], float) and row[-2] > 0.0)
    return (
        "A waveform net makes samples. Nullsum keeps their magnitudes as masks, so that stems add up to the mixture. Plain SDR in dB, "
        "raw -> masked (median over windows): *at the song* against the true stems at the song's rate, *at the net* with truth and "
        "masked stems brought to the rate and channels that the net hears. *sum*: what the raw stems' sum misses of the mixture.\n\n"
        + markdown_table(["net", *stems, "mean gain of masking", "sum"], rows_)
        + f"\nMasking raises the mean SDR in {better} of {len(rows_)} rows.\n"
    )


def _others(found: list[Entry]) -> str:
    """Methods that claim no vocals, drums, bass and other: what can be said of them honestly."""
    others = [e for e in found if any("score" not in song for song in e.songs.values())]
    if not others:
        return "None of the methods that there are.\n"
    rows_ = []
    for e in others:
        null_db = max(song["null_db"] for song in e.songs.values())
        null = f"{null_db:.0f} dB" if null_db > -MAX_DB else f"below {-MAX_DB:.0f} dB"
        rows_.append([e.name, e.group, ", ".join(e.stems), null, *_costs(e)[:2]])
    return (
        "They tell places or kinds of sound apart and claim no stem of the truth, so no SDR stands here. What holds for every method is "
        "measured: their stems' sum against the mixture, speed, memory. Spatial methods are scored on sources at known places by "
        "`python -m engine.evaluation.panning`.\n\n" + markdown_table(["method", "group", "stems", "sum - mixture", "RTF", "MiB"], rows_)
    )


def _not_scored(found: list[Entry]) -> str:
    left = [e for e in found if not e.songs or e.why]
    untrained = ", ".join(f"`{e.name}`" for e in left if e.why == NOT_TRAINED)
    out = [f"- `{e.name}`: {e.why}" for e in left if e.why != NOT_TRAINED]
    if untrained:
        command = "python -m engine.training zoo NAME --data DIR --work DIR --weights resources/weights/zoo"
        out.append(f"- not trained (`{command}`): {untrained}")
    return "\n".join(out or ["Nothing: every method that there is was scored."]) + "\n"


def _published(scores: list[TrackScores]) -> str:
    """Mean SDR here and in print, and whether their order agrees."""
    four = [group for group in groups(scores) if len(group[0].names) == 4]
    table = {row["method"]: row["sdr mean"] for row in one_table(four[0])} if four else {}
    known = {name: sum(printed) / 4.0 for name, printed in PUBLISHED.items() if not math.isnan(table.get(name, math.nan))}
    both = [(name, table[name], known[name]) for name in sorted(known, key=lambda name: -known[name])]
    if not both:
        return "None of the nets with published figures has been trained.\n"
    rho = ranks_agree([(here, there) for _, here, there in both])
    order = f"rank correlation of the two columns {rho:.2f} (1: the same order)"
    if math.isnan(rho):
        order = "too few to say whether their order agrees"
    return (
        "Mean SDR of four stems in dB: means of the figures printed in document 003, of MUSDB18 at full size and training; here "
        "compact and after minutes; "
        f"{order}.\n\n" + markdown_table(["net", "here", "in print"], both)
    )
