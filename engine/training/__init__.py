"""The training workshop: data, augmentation, losses, the loop. `python -m engine.training --help`."""
