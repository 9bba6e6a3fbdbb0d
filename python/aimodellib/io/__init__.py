"""Ready ``deserialize`` and ``serialize`` for serving scripts: one import, and a model is ``load`` and ``predict``.

    from aimodellib.io import deserialize, serialize

Formats are chosen by ``Content-Type`` and negotiated by ``Accept``. Nothing is imported before a request needs it, and
NumPy, pandas, Pillow, PyArrow and PyTorch are used only where the script's Python has them.
"""

from ._errors import InputError, TooLargeError, UnsupportedTypeError
from ._limits import Limits, limits
from ._reading import deserialize
from ._values import Audio, Form, Upload
from ._writing import serialize

__all__ = [
    "Audio",
    "Form",
    "InputError",
    "Limits",
    "TooLargeError",
    "UnsupportedTypeError",
    "Upload",
    "deserialize",
    "limits",
    "serialize",
]
