"""Ready-made ``deserialize`` and ``serialize`` for serving scripts, which then need only ``load`` and ``predict``.

    from aimodellib.io import deserialize, serialize

``Content-Type`` selects the reader, and ``Accept`` the format of the answer. Nothing is imported before a request needs
it, and NumPy, pandas, Pillow, PyArrow and PyTorch are used only where the script's Python has them.
"""

from ._errors import InputError, TooLargeError, UnsupportedTypeError
from ._instances import each_instance
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
    "each_instance",
    "limits",
    "serialize",
]
