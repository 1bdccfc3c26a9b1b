"""How a person installs what is missing, as a command that can be pasted into a shell."""

from __future__ import annotations

import os
import platform
import shutil

_BACKPORTS = "deb http://deb.debian.org/debian bookworm-backports main"


def install(package: str) -> str:
    """The command that installs ``package``, by its name in Debian and Ubuntu."""
    if shutil.which("apt") is None:
        return f"install what Debian calls {package} with this system's package manager"
    return f"{_sudo()}apt install {package}"


def install_qemu() -> str:
    """The command that installs the newest QEMU that this distribution has."""
    if _codename() != "bookworm":
        return install("qemu-system-x86")
    sudo = _sudo()
    return (
        f"echo '{_BACKPORTS}' | {sudo}tee /etc/apt/sources.list.d/bookworm-backports.list"
        f" && {sudo}apt update && {sudo}apt install -t bookworm-backports qemu-system-x86"
    )


def _sudo() -> str:
    return "" if os.geteuid() == 0 else "sudo "


def _codename() -> str:
    try:
        return platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    except OSError:
        return ""
