"""The file: a zip with a member for each part and the manifest as the last. Written beside its place, then moved."""

import contextlib
import os
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from app.backup.manifest import Manifest, Part, Refused

MANIFEST = "manifest.json"
AT_ONCE = 1024 * 1024
LEVEL = 3
"""Of compression: higher ones take several times as long for a tenth less."""
LARGEST_MANIFEST = 10 * 1024 * 1024


class Writer:
    """A backup that is being written; there is nothing at its place until `finish`."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.beside = place.with_name(f".{place.name}.{os.getpid()}.part")
        self.parts: list[Part] = []
        handle = os.open(self.beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._file = os.fdopen(handle, "wb")
        self._zip = zipfile.ZipFile(self._file, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL)

    def add(
        self,
        name: str,
        pieces: Iterable[bytes | bytearray | memoryview],
        *,
        table: str = "",
        columns: tuple[str, ...] = (),
    ) -> None:
        """One part, from its pieces."""
        seen, size = sha256(), 0
        with self._zip.open(name, "w", force_zip64=True) as member:
            for piece in pieces:
                seen.update(piece)
                size += len(piece)
                member.write(piece)
        self.parts.append(Part(name, size, seen.hexdigest(), table, columns))

    def finish(self, manifest: Manifest) -> int:
        """Put it in its place, whole and on the disk; returns its size."""
        self._zip.writestr(MANIFEST, replace(manifest, parts=tuple(self.parts)).as_json())
        self._zip.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        size = self._file.tell()
        self._file.close()
        self.beside.replace(self.place)
        folder = os.open(self.place.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return size

    def give_up(self) -> None:
        """Leave nothing behind."""
        for one in (self._zip, self._file):
            with contextlib.suppress(OSError, ValueError):
                one.close()
        self.beside.unlink(missing_ok=True)


@contextlib.contextmanager
def writing(place: Path) -> Iterator[Writer]:
    """A backup for this place; whatever goes wrong, nothing half is left there."""
    writer = Writer(place)
    try:
        yield writer
    finally:
        writer.give_up()


class Reader:
    """A backup that is read. Raises Refused whatever is wrong with the file."""

    def __init__(self, place: Path) -> None:
        try:
            self._zip = zipfile.ZipFile(place)
            if self._zip.getinfo(MANIFEST).file_size > LARGEST_MANIFEST:
                raise Refused("It is no backup of Tidings: its manifest is far too large")
            self.manifest = Manifest.read(self._zip.read(MANIFEST))
        except FileNotFoundError:
            raise Refused("There is no such file") from None
        except KeyError:
            raise Refused("It is a zip file, but no backup of Tidings: it has no manifest") from None
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
            raise Refused("It is no backup of Tidings, or it was cut off") from None
        except OSError as error:
            raise Refused(f"It cannot be read: {error.strerror or error}") from None

    def pieces(self, part: Part) -> Iterator[bytes]:
        """What the part holds. Raises Refused at its end when it is not what was written."""
        seen, size = sha256(), 0
        try:
            with self._zip.open(part.name) as member:
                while piece := member.read(AT_ONCE):
                    seen.update(piece)
                    size += len(piece)
                    yield piece
        except (KeyError, zipfile.BadZipFile, zlib.error, EOFError, OSError):
            raise Refused(f"It is damaged: {part.name} cannot be read to its end") from None
        if (size, seen.hexdigest()) != (part.bytes, part.sha256):
            raise Refused(f"It is damaged: {part.name} is not what was written")

    def check(self) -> None:
        """Read everything once. Raises Refused."""
        for part in self.manifest.parts:
            for _ in self.pieces(part):
                pass

    def close(self) -> None:
        self._zip.close()
