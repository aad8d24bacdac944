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
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from tallrun.errors import FormatError
from tallrun.numerics.recording import Recording
from tallrun.sessions._files import OWNER_FILE_MODE, make_owner_folder, sync_file, whole_file, whole_folder
from tallrun.sessions.folder import read_session

FORMAT_NAME = "tallrun-bundle"
FORMAT_VERSION = 1
MANIFEST = "manifest.json"
MAX_FILES = 1000
MAX_TOTAL_BYTES = 8 * 1024**3
MAX_MANIFEST_BYTES = 1024**2
_PIECE_BYTES = 1024**2
_MAGIC = b"tallrun-encrypted-1\n"
_SCRYPT_LOG2_N, _SCRYPT_R, _SCRYPT_P = 16, 8, 1
_SAFE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,99}(/[A-Za-z0-9_][A-Za-z0-9_.\-]{0,99}){0,4}")


def export_bundle(folder: Path, path: Path, passphrase: str | None = None) -> int:
    """Write the session ``folder`` as one file; return the number of files in it.

    Symbolic links and hidden files are left out. Raises SessionError when the folder is no session, FormatError when
    ``path`` exists or the passphrase is too short.
    """
    read_session(folder)
    if path.exists():
        raise FormatError(f"{path} exists already; choose another name")
    if passphrase is not None and len(passphrase) < 8:
        raise FormatError("the passphrase must have at least 8 characters")
    members = sorted(_members(folder))
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
            with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr(MANIFEST, json.dumps(manifest, indent=1))
                for name in members:
                    archive.write(folder / name, name)
            if passphrase is not None:
                plain.seek(0)
                _encrypt(plain, direct, passphrase)
    return len(members)


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
    try:
        with path.open("rb") as file:
            encrypted = file.read(len(_MAGIC)) == _MAGIC
            file.seek(0)
            if not encrypted:
                return _unpack(path, file, folder)
            if passphrase is None:
                raise FormatError(f"{path} is encrypted; give its passphrase")
            with tempfile.TemporaryFile() as plain:
                _decrypt(path, file, plain, passphrase)
                plain.seek(0)
                return _unpack(path, plain, folder)
    except OSError as error:
        raise FormatError(f"{path} cannot be read ({error.strerror or error})") from error


def _members(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not path.is_symlink() and _SAFE_NAME.fullmatch(name) and name != MANIFEST:
            yield name


def _unpack(path: Path, file: IO[bytes], folder: Path) -> Recording:
    try:
        with zipfile.ZipFile(file) as archive:
            entries = _checked_entries(path, archive)
            with whole_folder(folder) as partial:
                for name, entry in entries.items():
                    _unpack_one(path, archive, name, entry, partial)
                return read_session(partial)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        UnicodeDecodeError,
    ) as error:
        raise FormatError(f"{path} is damaged or no bundle ({str(error)[:100]})") from error


def _checked_entries(path: Path, archive: zipfile.ZipFile) -> dict[str, dict[str, Any]]:
    infos = archive.infolist()
    if len(infos) > MAX_FILES + 1:
        raise FormatError(f"{path} holds {len(infos)} files; at most {MAX_FILES} are accepted")
    for info in infos:
        kind = stat.S_IFMT(info.external_attr >> 16)
        if not _SAFE_NAME.fullmatch(info.filename) or kind not in (0, stat.S_IFREG):
            raise FormatError(f"{path} holds {info.filename[:60]!r}, whose name or type is not allowed")
    manifest = _manifest(path, archive)
    entries = {str(entry["path"]): entry for entry in manifest["files"]}
    names = [info.filename for info in infos if info.filename != MANIFEST]
    if len({name.casefold() for name in names}) != len(names) or set(names) != set(entries):
        raise FormatError(f"{path}: its files are not those its manifest lists")
    if sum(int(entry["size"]) for entry in entries.values()) > MAX_TOTAL_BYTES:
        raise FormatError(f"{path} would unpack to more than {MAX_TOTAL_BYTES} bytes")
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
            if not (
                isinstance(entry["size"], int) and entry["size"] >= 0 and isinstance(entry["sha256"], str)
            ):
                raise ValueError("size or sha256")
    except (KeyError, TypeError, ValueError, RecursionError) as error:
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
