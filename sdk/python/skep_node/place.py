"""Where routers listen, and the ids that nodes keep (docs/fabric.md "Files")."""
from __future__ import annotations

import os
from pathlib import Path
from typing import List

from .errors import LinkLost, SkepError
from .wire import is_uuid, new_id


def fnv1a(text: str) -> int:
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


def routers(where: Path, name: str) -> List[Path]:
    """The sockets to try, in order: each name starts at a router of its own."""
    if not where.is_dir():
        return [where]
    sockets = sorted(path for path in where.glob("*.sock") if not path.name.startswith("peer-"))
    if not sockets:
        raise LinkLost(f"no router listens in {where}: is skep running with this home?")
    start = fnv1a(name.split("@")[0]) % len(sockets)
    return sockets[start:] + sockets[:start]


def directory_of(where: Path) -> Path:
    return where if where.is_dir() else where.parent


def persistent_id(directory: Path, name: str) -> str:
    """The id that a node of this name has had before, else a new one, kept from now on."""
    base = name.split("@")[0]
    if not base or "/" in base or base.startswith("."):
        raise SkepError(f"{name!r} is no name of a node")
    path = directory / "ids" / f"{base}.uuid"
    try:
        kept = path.read_text().strip()
    except FileNotFoundError:
        kept = ""
    if is_uuid(kept):
        return kept.lower()
    if kept:
        raise SkepError(f"{path} holds no UUID: remove it to get a new id")
    made = new_id()
    path.parent.mkdir(mode=0o700, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(made + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(temporary, path)  # of two that start at once, one makes the id
    except FileExistsError:
        made = path.read_text().strip()
    finally:
        temporary.unlink()
    return made
