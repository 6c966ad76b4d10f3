"""Nullsum's engine: masks, the filtered pass, files. Knows no Qt, starts no thread, imports torch only for a net."""

__version__ = "0.1.0"
