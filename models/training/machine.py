"""What a run or a measurement was made on."""

import platform
from pathlib import Path


def processor() -> str:
    """Its name as the system tells it, else its kind, such as "x86_64"."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
