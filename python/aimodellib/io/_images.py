"""Reads and writes images with Pillow."""

from __future__ import annotations

import io
from typing import Any

from ._errors import InputError, TooLargeError, Unfit
from ._limits import limits
from ._packages import has, is_instance, load

#: Media types, and Pillow's names for them. Pillow has more formats, but some of them start other programs.
FORMATS = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/webp": "WEBP",
    "image/gif": "GIF",
    "image/bmp": "BMP",
    "image/tiff": "TIFF",
}
#: The modes that a format supports; an image of another mode is written as RGB.
_MODES = {
    "PNG": ("1", "L", "LA", "I", "I;16", "P", "RGB", "RGBA"),
    "WEBP": ("RGB", "RGBA"),
    "JPEG": ("L", "RGB", "CMYK"),
    "GIF": ("1", "L", "P", "RGB", "RGBA"),
    "BMP": ("1", "L", "P", "RGB"),
    "TIFF": ("1", "L", "LA", "I", "I;16", "F", "P", "RGB", "RGBA", "CMYK"),
}


def read_image(data: bytes, parameters: dict[str, str]) -> Any:
    """Read an image in any of the formats as a ``PIL.Image.Image``; of several frames, the first.

    Raises InputError and TooLargeError.
    """
    image_module = load("PIL.Image")
    image_module.init()
    known = [name for name in FORMATS.values() if name in image_module.OPEN]
    try:
        image = image_module.open(io.BytesIO(data), formats=known)
        width, height = image.size
        if width * height > limits.pixels:
            raise TooLargeError(f"The image has {width} x {height} pixels, more than {limits.pixels}")
        image.load()
    except image_module.DecompressionBombError as error:
        raise TooLargeError(f"The image has more than {limits.pixels} pixels") from error
    except load("PIL").UnidentifiedImageError as error:
        raise InputError(f"The body is not an image that can be read: send {', '.join(known)}") from error
    except (OSError, SyntaxError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"The image is damaged or ends early: {error}") from error
    return image


def write_image(value: Any, media: str) -> bytes:
    """Write an image, or an array of bytes of the shape (height, width) or (height, width, 3 or 4). Raises Unfit."""
    image = value if is_instance(value, "PIL.Image", "Image") else _of_array(value)
    form = FORMATS[media]
    if image.mode not in _MODES[form]:
        image = image.convert("RGB")
    file = io.BytesIO()
    try:
        image.save(file, form)
    except KeyError as error:
        # This Pillow was built without the format.
        raise Unfit from error
    return file.getvalue()


def _of_array(value: Any) -> Any:
    if not has("PIL") or not has("numpy"):
        raise Unfit
    from ._numpy import as_array

    array = as_array(value)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    fits = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))
    if str(array.dtype) != "uint8" or not fits or 0 in array.shape:
        raise Unfit
    return load("PIL.Image").fromarray(array)
