"""Asks CUDA's driver whether it still works in this process.

Some errors of a kernel, such as a read beyond the end of a tensor, leave the process in a state in which every later
call fails with the same error. Only another process can then use the device. The driver knows, whichever library made
the call, and whatever its exceptions say.
"""

from __future__ import annotations

import contextlib
import os
from typing import Any, Callable

#: Results of the driver after which, by its documentation, only a new process can use CUDA, or after which data is
#: lost: uncorrectable errors of memory (214) and NVLink (220), an illegal address, a kernel that took too long, a
#: failed assertion, errors of the stack, an instruction, alignment, the address space or the program counter, a
#: failed launch, and tensor memory that leaks.
FATAL = frozenset((214, 220, 700, 702, 710, 714, 715, 716, 717, 718, 719, 721))
#: One of them is there where CUDA works: on Linux, in WSL, and on Jetson.
DEVICES = ("/dev/nvidiactl", "/dev/dxg", "/dev/nvmap")
#: A mode of cuThreadExchangeStreamCaptureMode: what this thread calls does not end a capture of another thread.
_RELAXED = 2


class _Watch:
    """What is known of this process."""

    #: Why CUDA does not work any more.
    reason: str | None = None
    #: Whether there are devices; None until somebody has looked. Looking for the driver takes 100 times as long.
    has_devices: bool | None = None
    #: Called when this process finds out that CUDA does not work any more; perhaps by several threads at once.
    on_broken: Callable[[], None] = staticmethod(lambda: None)


watch = _Watch()


def broken() -> str | None:
    """Say why CUDA does not work any more, such as "an illegal memory access was encountered"; None if it may work.

    It does not wait for work of the device, and raises nothing.
    """
    if watch.has_devices is None:
        watch.has_devices = any(os.path.exists(path) for path in DEVICES)
    if watch.has_devices and watch.reason is None:
        with contextlib.suppress(Exception):
            watch.reason = _Driver().broken()
        if watch.reason is not None:
            watch.on_broken()
    return watch.reason


class _Driver:
    """CUDA's driver, if it is loaded in this process."""

    def __init__(self) -> None:
        """Raise OSError if nothing in this process uses CUDA."""
        import ctypes

        self._c = ctypes
        self._library = ctypes.CDLL("libcuda.so.1", mode=os.RTLD_NOW | os.RTLD_NOLOAD)

    def broken(self) -> str | None:
        mode = self._c.c_int(_RELAXED)
        self._call("cuThreadExchangeStreamCaptureMode", self._c.byref(mode))
        try:
            count = self._c.c_int()
            self._call("cuDeviceGetCount", self._c.byref(count))
            for ordinal in range(count.value):
                result = self._state(ordinal)
                if result in FATAL:
                    return self._name(result)
        finally:
            self._call("cuThreadExchangeStreamCaptureMode", self._c.byref(mode))
        return None

    def _state(self, ordinal: int) -> int:
        """Return the result of a call for a device, 0 if the process does not use it."""
        c, call = self._c, self._call
        device, flags, active, context, old = c.c_int(), c.c_uint(), c.c_int(), c.c_void_p(), c.c_void_p()
        call("cuDeviceGet", c.byref(device), c.c_int(ordinal))
        result = call("cuDevicePrimaryCtxGetState", device, c.byref(flags), c.byref(active))
        if result or not active.value:
            return result
        result = call("cuDevicePrimaryCtxRetain", c.byref(context), device)
        if result:
            return result
        try:
            result = call("cuCtxPushCurrent_v2", context)
            if result == 0:
                # It is not ready (600) while the device works.
                result = call("cuStreamQuery", None)
                call("cuCtxPopCurrent_v2", c.byref(old))
        finally:
            call("cuDevicePrimaryCtxRelease_v2", device)
        return result

    def _call(self, function: str, *arguments: Any) -> int:
        return int(getattr(self._library, function)(*arguments))

    def _name(self, result: int) -> str:
        text = self._c.c_char_p()
        self._call("cuGetErrorString", self._c.c_int(result), self._c.byref(text))
        return (text.value or b"").decode("utf-8", "replace")[:256] or f"CUDA error {result}"
