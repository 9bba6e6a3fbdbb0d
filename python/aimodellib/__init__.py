"""Types and helpers for scripts that are trained and served by the ``aimodellib`` executable."""

__version__ = "0.1.0"
