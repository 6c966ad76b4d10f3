"""`nullsum methods`: the list of them by group, or everything about one."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from engine.cli.words import Json, say
from engine.cli_io import human_bytes
from engine.types import MethodInfo


def methods_command(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One method: say everything about it.")] = None, as_json: Json = False
) -> None:
    """List the methods by group: name, what it separates into, what it is. With a name: all about that one, and what can be set of it."""
    from engine.methods import every_method, methods

    if name is None:
        found = methods()
        value = [
            {"name": m.name, "title": m.title, "group": m.group, "stems": list(m.stems), "sentence": m.sentence, "paper": m.paper,
             "needs_stereo": m.needs_stereo} for m in found.values()
        ]  # fmt: skip
        say(as_json, value, as_list(found, [m for m in every_method() if m not in found]))
    else:
        about = facts(name)
        say(as_json, about, as_page(about))


def as_list(found: dict[str, MethodInfo], untrained: list[str]) -> str:
    """Methods under the headings of their groups, and in one line those that nobody has trained yet."""
    from engine.methods.network import train_command

    wide = 2 + max(len(name) for name in found)
    groups = list(dict.fromkeys([m.group for m in found.values()] + (["research"] if untrained else [])))
    lines: list[str] = []
    for group in groups:
        lines += ["", group.capitalize()] if lines else [group.capitalize()]
        for m in (m for m in found.values() if m.group == group):
            lines += [f"  {m.name:<{wide}}{', '.join(m.stems)}", f"  {'':<{wide}}{m.sentence}"]
        if group == "research" and untrained:
            lines += [f"  No weights yet, to be made by `{train_command('NAME')}`: {', '.join(untrained)}"]
    return "\n".join(lines)


def facts(name: str) -> dict[str, Any]:
    """Everything about a method, as JSON holds it. MethodError for an unknown name, WeightsError where its card cannot be read."""
    from engine.methods import every_method, options_of

    options = []
    for option in options_of(name):
        plain = {k: v for k, v in asdict(option).items() if k != "kind"}
        stems = _stems_by_choice(name, option.name, option.choices)
        options.append({**plain, "kind": option.kind.__name__, "bounds": option.bounds, "stems": stems})
    info = every_method()[name]
    return {
        "name": info.name, "title": info.title, "group": info.group, "sentence": info.sentence, "paper": info.paper,
        "stems": list(info.stems), "needs_stereo": info.needs_stereo, "weights": _weights(info), "options": options,
    }  # fmt: skip


def _stems_by_choice(name: str, option: str, choices: tuple[Any, ...]) -> dict[str, list[str]]:
    """The stems at each choice of an option, where they depend on it."""
    from engine.methods import build

    found = {str(choice): list(build(name, **{option: choice}).info.stems) for choice in choices}
    return found if len(set(map(tuple, found.values()))) > 1 else {}


def _weights(info: MethodInfo) -> dict[str, Any] | None:
    """The trained numbers of a method: None where there is nothing to learn, a command where nobody has trained it yet."""
    from engine.methods.network import is_installed, train_command
    from engine.weights import read_card, zoo_folder

    if info.group not in ("built-in", "research"):
        return None
    if info.group == "research" and not is_installed(info.name):
        return {"installed": False, "train": train_command(info.name)}
    card = read_card(info.name, zoo_folder() if info.group == "research" else None)
    n_bytes = card.path.stat().st_size if card.path.is_file() else 0
    licence = card.config.get("licence")
    return {"installed": n_bytes > 0, "file": card.path.name, "bytes": n_bytes, "sha256": card.sha256, "licence": licence}


def as_page(about: dict[str, Any]) -> str:
    """All about one method, for people."""
    rows = [
        ("paper", about["paper"]),
        ("stems", ", ".join(about["stems"])),
        ("takes", "stereo recordings" if about["needs_stereo"] else "any recording"),
        ("weights", _said(about["weights"])),
    ]
    lines = [f"{about['name']}: {about['title']} ({about['group']})", f"  {about['sentence']}"]
    lines += [f"  {k:<10}{v}" for k, v in rows]
    lines.append(f"  {'options':<10}" + ("set with --set NAME=VALUE" if about["options"] else "none"))
    kinds = {"int": "a whole number", "float": "a number", "bool": "yes or no", "str": "a word"}
    for option in about["options"]:
        within = f", {option['bounds']}" if option["bounds"] else ""
        lines += [f"    {option['name']}={option['default']}   {kinds[option['kind']]}{within}", f"      {option['sentence']}"]
        lines += [f"      {choice}: {', '.join(stems)}" for choice, stems in option["stems"].items()]
    return "\n".join(lines)


def _said(weights: dict[str, Any] | None) -> str:
    if weights is None:
        return "none, it needs no training"
    if "train" in weights:
        return f"none yet; make them with `{weights['train']}`"
    if not weights["installed"]:
        return f"{weights['file']} is missing; install Nullsum again"
    licence = f", {weights['licence']}" if weights["licence"] else ""
    return f"{weights['file']}, {human_bytes(weights['bytes'])}, SHA-256 begins {weights['sha256'][:12]}{licence}"
