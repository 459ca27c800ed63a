"""The version, from the compiled half."""

from projectcor._native import __version__

__all__ = ["__version__"]
