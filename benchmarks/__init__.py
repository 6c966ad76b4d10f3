"""Speed and memory, printed as figures and ratios; never part of a timed test."""
