"""A session as one file, to a clinician and back: a ZIP with a checksum for every file, encrypted on request.

Encryption: key by scrypt from a passphrase, AES-256-GCM over pieces of 1 MiB. Each nonce counts its piece and marks
the last, so pieces cannot be swapped or cut off. On import nothing in the file is trusted: names, types, sizes and
checksums are tested, and the session must read before it appears.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import struct
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from tallrun.bounded_file import BoundedFile
from tallrun.errors import FormatError, SessionError
from tallrun.numerics.recording import Recording
from tallrun.sessions._files import (
    OWNER_FILE_MODE,
    make_owner_folder,
    refuse_existing,
    size_of_file,
    sync_file,
    whole_file,
    whole_folder,
)
from tallrun.sessions.folder import read_session

FORMAT_NAME = "tallrun-bundle"
FORMAT_VERSION = 1
MANIFEST = "manifest.json"
MAX_FILES = 1000
MAX_TOTAL_BYTES = 8 * 1024**3
MAX_FILE_BYTES = MAX_TOTAL_BYTES
MAX_MANIFEST_BYTES = 1024**2
_PIECE_BYTES = 1024**2
_MAGIC = b"tallrun-encrypted-1\n"
_SCRYPT_LOG2_N, _SCRYPT_R, _SCRYPT_P = 16, 8, 1
#: A recording packs by a factor of ten at most; text of one letter by a thousand.
_MAX_RATIO, _FREE_BYTES = 100, 64 * 1024**2
_MAX_READ_BYTES = 4 * 1024**2
#: Names that open a device instead of a file on Windows, whatever their ending.
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}
_BROKEN = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError,
    OverflowError,
)  # fmt: skip
_SAFE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,99}(/[A-Za-z0-9_][A-Za-z0-9_.\-]{0,99}){0,4}")


def export_bundle(folder: Path, path: Path, passphrase: str | None = None) -> tuple[list[str], list[str]]:
    """Write the session ``folder`` as one file.

    Returns the names of the files in it, and of those left out: links, and names no importer would accept (blanks,
    letters beyond ASCII). Hidden files are left out silently.

    Raises SessionError when the folder is no session or ``path`` exists, FormatError when the passphrase is too short.
    """
    refuse_existing(path)
    if passphrase is not None and len(passphrase) < 8:
        raise FormatError("the passphrase must have at least 8 characters")
    read_session(folder)
    members, left_out = _members(folder)
    if len(members) > MAX_FILES:
        raise FormatError(f"{folder} holds {len(members)} files; a bundle takes at most {MAX_FILES}")
    manifest = {
        "format": FORMAT_NAME,
        "version": FORMAT_VERSION,
        "files": [
            {"path": name, "size": (folder / name).stat().st_size, "sha256": _sha256(folder / name)}
            for name in members
        ],
    }
    with whole_file(path) as partial, tempfile.TemporaryFile(dir=path.parent) as plain:
        with partial.open("wb") as direct:
            target: IO[bytes] = direct if passphrase is None else plain
            # A file dated before 1980 (a reproducible build, an empty clock) has no ZIP date of its own.
            with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
                archive.writestr(MANIFEST, json.dumps(manifest, indent=1))
                for name in members:
                    archive.write(folder / name, name)
            if passphrase is not None:
                plain.seek(0)
                _encrypt(plain, direct, passphrase)
    return members, left_out


def import_bundle(path: Path, folder: Path, passphrase: str | None = None) -> Recording:
    """Unpack a bundle into a new session ``folder`` and return its recording.

    Raises
    ------
    FormatError
        The file is damaged, encrypted and no (or a wrong) passphrase was given, or holds a name, type, size or
        checksum that is not allowed.
    SessionError
        The folder exists, the disk refuses, or what was unpacked is no readable session.
    """
    size_of_file(path, MAX_FILE_BYTES)
    refuse_existing(folder)
    with path.open("rb") as file:
        encrypted = file.read(len(_MAGIC)) == _MAGIC
        file.seek(0)
        if encrypted and passphrase is None:
            raise FormatError(f"{path} is encrypted; give its passphrase with --passphrase-file")
        if not encrypted and passphrase is not None:
            # Who expects a sealed file must not be handed an open one that anybody could have made.
            raise FormatError(
                f"{path} is not encrypted, but a passphrase was given; if that is right, leave --passphrase-file out"
            )
        if passphrase is None:
            return _unpack(path, file, folder)
        try:
            # Beside the session, where there must be room for it anyway; never left behind in a shared /tmp.
            with tempfile.TemporaryFile(dir=_nearest_folder(folder)) as plain:
                _decrypt(path, file, plain, passphrase)
                plain.seek(0)
                return _unpack(path, plain, folder)
        except OSError as error:
            raise SessionError(
                f"{folder} could not be written ({error.strerror or error}); check free space and permissions"
            ) from error


def _nearest_folder(folder: Path) -> Path:
    return next(place for place in folder.absolute().parents if place.is_dir())


def _members(folder: Path) -> tuple[list[str], list[str]]:
    members: list[str] = []
    left_out: list[str] = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if hidden or name == MANIFEST or (path.is_dir() and not path.is_symlink()):
            continue
        taken = path.is_file() and not path.is_symlink() and _is_safe(name)
        (members if taken else left_out).append(name)
    return members, left_out


def _is_safe(name: str) -> bool:
    """Tell whether a name can be made inside a folder, and inside it only, on any system."""
    parts = name.split("/")
    return bool(_SAFE_NAME.fullmatch(name)) and not any(
        part.endswith(".") or part.split(".")[0].casefold() in _DEVICES for part in parts
    )


def _unpack(path: Path, file: IO[bytes], folder: Path) -> Recording:
    try:
        with zipfile.ZipFile(BoundedFile(file, _MAX_READ_BYTES)) as archive:  # type: ignore[call-overload]
            entries = _checked_entries(path, archive)
            with whole_folder(folder) as partial:
                for name, entry in entries.items():
                    _unpack_one(path, archive, name, entry, partial)
                return read_session(partial)
    except _BROKEN as error:
        raise FormatError(f"{path} is damaged or no bundle ({str(error)[:100]})") from error


def _checked_entries(path: Path, archive: zipfile.ZipFile) -> dict[str, dict[str, Any]]:
    infos = archive.infolist()
    if len(infos) > MAX_FILES + 1:
        raise FormatError(f"{path} holds {len(infos)} files; at most {MAX_FILES} are accepted")
    for info in infos:
        kind = stat.S_IFMT(info.external_attr >> 16)
        packed = info.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
        if not _is_safe(info.filename) or kind not in (0, stat.S_IFREG) or not packed:
            raise FormatError(f"{path} holds {info.filename[:60]!r}, whose name or type is not allowed")
    manifest = _manifest(path, archive)
    entries = {str(entry["path"]): entry for entry in manifest["files"]}
    names = [info.filename for info in infos]
    if len({name.casefold() for name in names}) != len(names) or {*names} != {MANIFEST, *entries}:
        raise FormatError(f"{path}: its files are not those its manifest lists")
    most_bytes = min(MAX_TOTAL_BYTES, _FREE_BYTES + _MAX_RATIO * sum(info.compress_size for info in infos))
    if sum(int(entry["size"]) for entry in entries.values()) > most_bytes:
        raise FormatError(f"{path} would unpack to more than {most_bytes} bytes, which no recording does")
    return entries


def _manifest(path: Path, archive: zipfile.ZipFile) -> dict[str, Any]:
    try:
        with archive.open(MANIFEST) as file:
            content = json.loads(file.read(MAX_MANIFEST_BYTES + 1)[: MAX_MANIFEST_BYTES + 1])
        if content["format"] != FORMAT_NAME or content["version"] != FORMAT_VERSION:
            raise FormatError(
                f"{path} is {content['format']!r} version {content['version']!r}; expected {FORMAT_NAME} 1"
            )
        for entry in content["files"]:
            size = entry["size"]
            if not (
                isinstance(size, int)
                and not isinstance(size, bool)
                and size >= 0
                and isinstance(entry["sha256"], str)
                and _is_safe(entry["path"])
            ):
                raise ValueError("path, size or sha256")
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise FormatError(f"{path} has no valid {MANIFEST} ({str(error)[:60]})") from error
    return dict(content)


def _unpack_one(path: Path, archive: zipfile.ZipFile, name: str, entry: dict[str, Any], folder: Path) -> None:
    target = folder / name
    make_owner_folder(target.parent)
    digest, left = hashlib.sha256(), int(entry["size"])
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_FILE_MODE)
    with archive.open(name) as source, os.fdopen(descriptor, "wb") as sink:
        while piece := source.read(_PIECE_BYTES):
            left -= len(piece)
            if left < 0:
                break
            digest.update(piece)
            sink.write(piece)
    if left != 0 or digest.hexdigest() != entry["sha256"]:
        raise FormatError(f"{path}: {name} does not match its checksum; the file was damaged or changed")
    sync_file(target)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _key(passphrase: str, salt: bytes, log2_n: int) -> bytes:
    return Scrypt(salt=salt, length=32, n=2**log2_n, r=_SCRYPT_R, p=_SCRYPT_P).derive(
        passphrase.encode("utf-8")
    )


def _nonce(prefix: bytes, number: int, last: bool) -> bytes:
    return prefix + number.to_bytes(4, "big") + bytes([last])


def _encrypt(source: IO[bytes], sink: IO[bytes], passphrase: str) -> None:
    salt, prefix = os.urandom(16), os.urandom(7)
    header = _MAGIC + bytes([_SCRYPT_LOG2_N]) + salt + prefix
    cipher = AESGCM(_key(passphrase, salt, _SCRYPT_LOG2_N))
    sink.write(header)
    piece, number = source.read(_PIECE_BYTES), 0
    while True:
        following = source.read(_PIECE_BYTES)
        sink.write(cipher.encrypt(_nonce(prefix, number, not following), piece, header))
        if not following:
            return
        piece, number = following, number + 1


def _decrypt(path: Path, source: IO[bytes], sink: IO[bytes], passphrase: str) -> None:
    header = source.read(len(_MAGIC) + 24)
    if len(header) < len(_MAGIC) + 24 or header[len(_MAGIC)] != _SCRYPT_LOG2_N:
        raise FormatError(f"{path} is truncated or damaged")
    salt, prefix = header[len(_MAGIC) + 1 : -7], header[-7:]
    cipher = AESGCM(_key(passphrase, salt, _SCRYPT_LOG2_N))
    sealed_bytes = _PIECE_BYTES + 16
    piece, number = source.read(sealed_bytes), 0
    while True:
        following = source.read(sealed_bytes)
        try:
            sink.write(cipher.decrypt(_nonce(prefix, number, not following), piece, header))
        except InvalidTag:
            cause = (
                "wrong passphrase, or the file is damaged"
                if number == 0
                else "the file is damaged or cut off"
            )
            raise FormatError(f"{path} cannot be decrypted: {cause}") from None
        if not following:
            return
        piece, number = following, number + 1
