# What editors and type checkers know of the package that the aimodellib executable brings along.

__version__: str
