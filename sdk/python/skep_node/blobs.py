"""Texts too long for a frame travel as files beside it (docs/fabric.md "Blobs")."""
from __future__ import annotations

import datetime
import hashlib
import json
import os
import re
import time
from pathlib import Path
from typing import Any, Dict

from .errors import BlobMissing, TooLarge
from .message import Message
from .wire import payload_of, read_words, to_json

OFFLOAD_BYTES = 65_536
OFFLOAD_OVERHEAD_BYTES = 2_048
BLOB_BYTES_MAX = 100 << 20
_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}_([0-9a-f]{16})\.[A-Za-z0-9]{1,10}")
_WAITS = (0.1, 0.2, 0.4, 0.8, 1.6, 1.9)  # seconds between looks; 5 in all


class BlobStore:
    """Blocking; any thread. A blob is written beside its place and renamed, so nobody reads half of one."""

    def __init__(self, directory: Path):
        self.directory = directory

    def put(self, data: bytes, stem: str, extension: str, mime: str) -> Dict[str, Any]:
        if len(data) > BLOB_BYTES_MAX:
            raise TooLarge(f"a blob of {len(data)} bytes; at most {BLOB_BYTES_MAX} are allowed")
        digest = hashlib.sha256(data).hexdigest()
        name = f"{stem}_{digest[:16]}.{extension}"
        self._write(name, data)
        day = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")
        return {"type": "blob_ref", "blob_name": name, "size": len(data), "mime": mime,
                "filename_original": f"{stem}.{extension}", "spool_day": day, "sha256": digest}

    def _write(self, name: str, data: bytes) -> None:
        staging = self.directory / "staging"
        staging.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._path(name)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = staging / f"{name}.{os.getpid()}.{os.urandom(4).hex()}"
        try:
            with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        match = _NAME.fullmatch(name)
        if match is None or len(name) > 128:
            raise BlobMissing(f"{name!r} is no name of a blob")
        return self.directory / "active" / match.group(1)[:2] / name

    def get(self, ref: Dict[str, Any]) -> bytes:
        """Waits up to 5 s: the reference may be here before the file."""
        name, size = ref.get("blob_name"), ref.get("size")
        if not isinstance(name, str) or type(size) is not int or not 0 <= size <= BLOB_BYTES_MAX:
            raise BlobMissing("the reference to a blob has no good name or size")
        path = self._path(name)
        for wait in _WAITS:
            if path.exists():
                break
            time.sleep(wait)
        try:
            with open(path, "rb") as file:
                data = file.read(size + 1)
        except OSError as error:
            raise BlobMissing(f"the blob {name} is not there: {error.strerror}") from error
        digest = hashlib.sha256(data).hexdigest()
        if len(data) != size or not Path(name).stem.endswith("_" + digest[:16]) or ref.get("sha256", digest) != digest:
            raise BlobMissing(f"the blob {name} is not what the reference says")
        return data


def offload(message: Message, store: BlobStore) -> None:
    """Moves the words of a message into blobs when they are too long for a frame."""
    if message.payload is not None or not message.parts:
        return
    payload = payload_of(message)
    if len(to_json(payload).encode()) + OFFLOAD_OVERHEAD_BYTES <= OFFLOAD_BYTES:
        return
    content = payload.pop("content").encode()
    payload["content_ref"] = store.put(content, "content", "txt", "text/plain")
    if "parts" in payload:
        parts = to_json(payload.pop("parts")).encode()
        payload["parts_ref"] = store.put(parts, "parts", "json", "application/json")
    message.payload, message.parts = payload, []


def is_offloaded(message: Message) -> bool:
    payload = message.payload
    return isinstance(payload, dict) and payload.get("type") == "text" and "content_ref" in payload


def put_back(message: Message, store: BlobStore) -> None:
    """The words of an offloaded message. Raises BlobMissing."""
    payload = dict(message.payload)
    refs = {name: payload.pop(name + "_ref") for name in ("content", "parts") if name + "_ref" in payload}
    try:
        # The words are within the parts, where there are parts.
        if "parts" in refs:
            payload["content"] = ""
            payload["parts"] = json.loads(store.get(refs["parts"]).decode("utf-8"))
        else:
            payload["content"] = store.get(refs["content"]).decode("utf-8")
    except (ValueError, AttributeError) as error:
        raise BlobMissing(f"a blob does not hold what it should: {error}") from error
    message.payload = None
    read_words(message, payload)
