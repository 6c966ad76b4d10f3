"""The demo song: an original piece, written down in `score`, sung and played by `voice` and `instruments`, mixed by `compose`."""
