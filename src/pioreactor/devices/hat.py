"""Who made the HAT, read from the description that the kernel copies out of its EEPROM."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

DEVICE_TREE_HAT: Final = Path("/proc/device-tree/hat")
_VENDOR: Final = "Pioreactor Inc."
_PRODUCT_ID: Final = 1


@dataclass(frozen=True, slots=True)
class Hat:
    """A Pioreactor HAT: its version ("1.1") and its serial number."""

    version: str
    serial: str


def read_hat(device_tree: Path = DEVICE_TREE_HAT) -> Hat | None:
    """Return the HAT on this machine, or None when there is none, or one of another maker."""
    try:
        if _text(device_tree / "vendor") != _VENDOR or int(_text(device_tree / "product_id"), 0) != _PRODUCT_ID:
            return None
        version = _text(device_tree / "product_ver")
        return Hat(version=f"{int(version[-2])}.{int(version[-1])}", serial=_text(device_tree / "uuid"))
    except (OSError, ValueError, IndexError):
        return None


def _text(path: Path) -> str:
    """Return a property of the device tree, which ends in a zero byte."""
    return path.read_bytes().rstrip(b"\x00").decode("ascii").strip()
