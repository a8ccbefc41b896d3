"""The files of static/: read once at start, named by a hash over all of them, cached for ever, sent small."""

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path

from flask import Flask, Response, request

from app.config import ROOT
from app.errors import NotFound

FOLDER = ROOT / "static"
FOR_EVER = "public, max-age=31536000, immutable"
SMALL_TYPES = (".css", ".js", ".svg", ".txt", ".md")
TYPES = {".woff2": "font/woff2", ".js": "text/javascript", ".svg": "image/svg+xml", ".md": "text/plain"}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file in memory; `packed` is its gzip where that is worth it."""

    content: bytes
    packed: bytes | None
    content_type: str


class StaticFiles:
    """Everything below a folder."""

    def __init__(self, folder: Path) -> None:
        digest = hashlib.sha256()
        self.files: dict[str, StaticFile] = {}
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.name.startswith("."):
                name, content = path.relative_to(folder).as_posix(), path.read_bytes()
                digest.update(f"{name}\0{len(content)}\0".encode() + content)
                self.files[name] = _read(path.suffix, content)
        self.release = digest.hexdigest()[:12]

    def url(self, name: str) -> str:
        """The address of a file. Raises KeyError for one that is not there: a fault in a template."""
        if name not in self.files:
            raise KeyError(f"There is no static/{name}")
        return f"/static/{self.release}/{name}"

    def answer(self, release: str, name: str) -> Response:
        """The file. A page of the release before may still ask: it gets the file of now, and keeps it not."""
        file = self.files.get(name)
        if file is None:
            raise NotFound
        packed = file.packed if request.accept_encodings.quality("gzip") > 0 else None
        response = Response(packed or file.content, content_type=file.content_type)
        if packed:
            response.headers["Content-Encoding"] = "gzip"
        if file.packed:
            response.vary.add("Accept-Encoding")
        response.headers["Cache-Control"] = FOR_EVER if release == self.release else "no-cache"
        response.set_etag(hashlib.sha256(packed or file.content).hexdigest()[:16])
        response.make_conditional(request)
        return response


def install(app: Flask) -> None:
    """Serve the files and give templates `static_url("css/base.css")`."""
    files = StaticFiles(FOLDER)
    app.extensions["static_files"] = files
    app.jinja_env.globals["static_url"] = files.url
    app.add_url_rule("/static/<release>/<path:name>", "static_file", files.answer)


def _read(suffix: str, content: bytes) -> StaticFile:
    kind = TYPES.get(suffix) or mimetypes.types_map.get(suffix, "application/octet-stream")
    if kind.startswith("text/"):
        kind += "; charset=utf-8"
    packed = gzip.compress(content, 9, mtime=0) if suffix in SMALL_TYPES else None
    return StaticFile(content, packed if packed and len(packed) < len(content) else None, kind)
