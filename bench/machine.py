"""What a table was measured on, for the line above it."""

import os
import platform
from importlib.metadata import version
from pathlib import Path


def name_processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def describe_machine(*packages: str) -> str:
    """Return processor, versions and how busy the machine is just now."""
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    return f"{name_processor()}, {os.cpu_count()} cores, load {load}; Python {platform.python_version()}, {versions}"
