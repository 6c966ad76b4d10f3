"""The evaluation workshop: tracks with true stems, oracles, metrics, tables. `python -m engine.evaluation --help`."""
