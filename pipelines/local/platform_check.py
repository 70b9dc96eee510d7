"""Checks whether this machine can hold Ratoon's environments, before anything is installed.

Runs on a bare Python of any version 3, so it uses nothing but the standard library.
"""

import platform
import sys

ADVICE = (
    "What to do: run it in a Linux x86-64 container or virtual machine with Python 3.11; the image "
    "python:3.11-bookworm holds everything that is needed."
)


def problem(system: str, machine: str, version: "tuple[int, int]", libc: "tuple[str, str]") -> str:
    """Why a machine, as `platform` describes it, is not supported; empty if it is."""
    if system != "Linux" or machine.lower() not in ("x86_64", "amd64"):
        found = f"{system} on {machine}"
        return found + " is not supported: TensorFlow and its data validation have no wheel for it."
    if libc[0] != "glibc" or tuple(int(n) for n in libc[1].split(".")[:2]) < (2, 28):
        found = "The C library {} {}".format(*libc) if any(libc) else "A C library other than glibc"
        return found + " is not supported: glibc 2.28 or newer is needed."
    # Last, for it is the easiest to mend: whoever installs a Python for it is not refused again.
    if version != (3, 11):
        found = "Python {}.{}".format(*version)
        return found + (
            " is not supported: TensorFlow Data Validation needs Python 3.11. Install it beside "
            "this one (python3.11 on the PATH), or name it: make PYTHON=/path/to/python3.11"
        )
    return ""


if __name__ == "__main__":
    why_not = problem(
        platform.system(), platform.machine(), sys.version_info[:2], platform.libc_ver()
    )
    if why_not:
        sys.exit("Ratoon cannot run on this machine. " + why_not + "\n" + ADVICE)
