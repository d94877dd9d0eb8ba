"""Scripts, styles and icons under an address that holds their hash, so that a browser may keep them for a year."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from pathlib import Path

from starlette.responses import Response

FOLDER = Path(__file__).parent / "static"
FOREVER = "public, max-age=31536000, immutable"
SMALL = 1000  # bytes that are not worth it
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


class Assets:
    """All files of a folder, read once; they change only with the release."""

    def __init__(self, prefix: str, *, folder: Path = FOLDER) -> None:
        self._files = {str(path.relative_to(folder)): path.read_bytes() for path in _files(folder)}
        self._packed: dict[str, bytes] = {}
        digest = hashlib.sha256()
        for name in sorted(self._files):
            digest.update(name.encode() + b"\0" + self._files[name])
        self.version = digest.hexdigest()[:12]
        self._prefix = f"{prefix}/{self.version}"

    def url(self, name: str) -> str:
        if name not in self._files:
            raise KeyError(name)
        return f"{self._prefix}/{name}"

    def answer(self, name: str, *, packed: bool = False) -> Response | None:
        """The file, `packed` for a browser that takes gzip; None when there is no such file."""
        content = self._files.get(name)
        if content is None:
            return None
        headers = {"Cache-Control": FOREVER, "X-Content-Type-Options": "nosniff", "Vary": "Accept-Encoding"}
        if packed and len(content) > SMALL:
            content = self._pack(name)
            headers["Content-Encoding"] = "gzip"
        kind = _TYPES.get(Path(name).suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
        return Response(content, media_type=kind, headers=headers)

    def _pack(self, name: str) -> bytes:
        """Once, when it is first asked for."""
        if name not in self._packed:
            self._packed[name] = gzip.compress(self._files[name], mtime=0)
        return self._packed[name]


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
