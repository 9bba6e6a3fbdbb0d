from .types import Logger

class PrintLogger(Logger):
    """A logger that prints."""

    def write(self, text: str) -> None:
        """Print ``text`` as it is, with one write."""
