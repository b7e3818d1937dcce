"""Downloads of files that TFDS knows by address and SHA-256; every file is verified before it is used."""

import base64
import hashlib
import importlib.metadata
import os
import pathlib
import socket
import tempfile
import threading
import urllib.parse
import urllib.request
from collections.abc import Generator, Sequence
from concurrent.futures import Future
from typing import NamedTuple

TIMEOUT = 1  # seconds in which a host must answer, including the DNS lookup
BLOCK = 1 << 20


class RemoteFile(NamedTuple):
    """A file to download, as TFDS records it.

    Attributes:
        url: Address.
        size: Size in bytes.
        sha256: SHA-256 of the content, hexadecimal.
        name: File name.
    """

    url: str
    size: int
    sha256: str
    name: str


class SearchFolders(NamedTuple):
    """Folders in which jaxdl looks for the files of a data set.

    Attributes:
        dataset: Name of the data set.
        manual: Folder of files fetched by hand; its subfolder `dataset` is searched first.
        downloads: Cache of TFDS.
    """

    dataset: str
    manual: pathlib.Path
    downloads: pathlib.Path


def default_data_dir() -> pathlib.Path:
    """Return the folder in which TFDS keeps its data: TFDS_DATA_DIR, else ~/tensorflow_datasets."""
    return pathlib.Path(os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets").expanduser()


def remote_files(dataset: str) -> dict[str, RemoteFile]:
    """Return the files of a data set by name, from the checksums that TFDS ships, without importing TFDS."""
    rows = (line.split("\t") for line in (_checksums() / f"{dataset}.txt").read_text().splitlines())
    return {name: RemoteFile(url, int(size), sha256, name) for url, size, sha256, name in rows}


def read_verified(
    files: Sequence[RemoteFile], folders: SearchFolders, *, others: Sequence[RemoteFile] = ()
) -> list[bytes]:
    """Return the contents of files, each of which has the size and SHA-256 that TFDS records.

    Files that are in none of the folders are downloaded into the cache of TFDS. Raises ValueError if a file has another
    SHA-256; it is then removed from the cache, but not from the manual folder. Raises FileNotFoundError within seconds
    if a file is absent and its host does not answer; the message also lists the absent files of `others`, which the
    user will need next.
    """
    contents = {file: _from_manual(file, folders) or _from_cache(file, folders) for file in files}
    try:
        for url in {urllib.parse.urljoin(file.url, "/") for file in _missing(contents)}:
            _check_reachable(url)
        for file in _missing(contents):
            contents[file] = _download(file, folders)
    except OSError as error:
        absent = [*_missing(contents), *(file for file in others if not _exists(file, folders))]
        absent_files = " and ".join(f"{file.name} from {file.url} (SHA-256 {file.sha256})" for file in absent)
        raise FileNotFoundError(
            f"{folders.dataset} is neither in {folders.manual} nor in {folders.downloads}, and cannot be downloaded "
            f"({error}): put {absent_files} into {folders.manual / folders.dataset}."
        ) from error
    return [content for content in contents.values() if content is not None]


def verify_manual(files: Sequence[RemoteFile], folders: SearchFolders) -> None:
    """Raise ValueError if a file in the manual folder has another SHA-256."""
    for file in files:
        _from_manual(file, folders)


def _checksums() -> pathlib.Path:
    wheel = importlib.metadata.distribution("tensorflow-datasets")
    return pathlib.Path(str(wheel.locate_file("tensorflow_datasets/url_checksums")))


def _exists(file, folders) -> bool:
    return any(path.is_file() for path in _manual_paths(file, folders)) or any(
        True for _ in _cached_paths(file, folders)
    )


def _missing(contents) -> list[RemoteFile]:
    return [file for file, content in contents.items() if content is None]


def _from_manual(file, folders) -> bytes | None:
    for path in _manual_paths(file, folders):
        if path.is_file():
            return _verified(path, file, path, f"put the file from {file.url} into {folders.manual / folders.dataset}")
    return None


def _manual_paths(file, folders) -> tuple[pathlib.Path, pathlib.Path]:
    return folders.manual / folders.dataset / file.name, folders.manual / file.name


def _from_cache(file, folders) -> bytes | None:
    for path in _cached_paths(file, folders):
        try:
            return _verified(path, file, path, "it has been removed, so load again to download it")
        except ValueError:
            path.unlink(missing_ok=True)
            _info(path).unlink(missing_ok=True)
            raise
    return None


def _cached_paths(file, folders) -> Generator[pathlib.Path]:
    """Yield the paths of a file in the cache of TFDS: names end with the SHA-256, and each has an .INFO file."""
    digest = base64.urlsafe_b64encode(bytes.fromhex(file.sha256)).decode().rstrip("=")
    suffix = "".join(pathlib.PurePath(file.name).suffixes)
    for folder in (folders.downloads / folders.dataset, folders.downloads):
        yield from (path for path in folder.glob(f"*{digest}{suffix}") if _info(path).exists())


def _info(path) -> pathlib.Path:
    return path.with_name(f"{path.name}.INFO")


def _verified(path, file, origin, remedy) -> bytes:
    """Return the content of a file, read once; raise ValueError if its size or SHA-256 differ."""
    with path.open("rb") as opened:
        content = opened.read(file.size)
        digest, size = hashlib.sha256(content), len(content)
        while block := opened.read(BLOCK):
            digest.update(block)
            size += len(block)
    if (size, digest.hexdigest()) != (file.size, file.sha256):
        others = [path.stem for path in _checksums().glob("*.txt") if digest.hexdigest() in path.read_text()]
        confused = f", which is a file of {others[0]}; use a separate folder for each set" if others else ""
        raise ValueError(
            f"{origin} must be {file.name} with the SHA-256 {file.sha256} and {file.size} bytes, but has the SHA-256 "
            f"{digest.hexdigest()} and {size} bytes{confused}: {remedy}."
        )
    return content


def _check_reachable(url) -> None:
    """Raise OSError, at the latest after TIMEOUT seconds, if a download from this address cannot begin."""
    answer: Future[None] = Future()

    def connect():
        try:
            socket.create_connection(_first_hop(url), timeout=TIMEOUT / 2).close()
        except OSError as error:
            answer.set_exception(error)
        else:
            answer.set_result(None)

    threading.Thread(target=connect, daemon=True).start()  # a DNS lookup cannot be interrupted otherwise
    try:
        answer.result(TIMEOUT)
    except TimeoutError:
        raise TimeoutError(f"no answer from {url} in {TIMEOUT} seconds") from None
    except OSError as error:
        raise OSError(f"no answer from {url}, {error}") from error


def _first_hop(url) -> tuple[str, int]:
    """Return host and port that a request to this address connects to: a proxy if the environment names one."""
    address = urllib.parse.urlsplit(url)
    proxies = {} if urllib.request.proxy_bypass(address.netloc) else urllib.request.getproxies()
    proxy = proxies.get(address.scheme) or proxies.get("all")
    if proxy:
        address = urllib.parse.urlsplit(proxy if "//" in proxy else f"//{proxy}")
    return address.hostname or "", address.port or {"https": 443}.get(address.scheme, 80)


def _download(file, folders) -> bytes:
    """Download a file with TFDS, and move it into the cache of TFDS if it is complete and verified."""
    import tensorflow_datasets as tfds  # slow to import, and needed only if nothing is cached

    folders.downloads.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folders.downloads, prefix="incomplete.") as folder:
        manager = tfds.download.DownloadManager(
            download_dir=folder,
            dataset_name=folders.dataset,
            register_checksums=True,  # TFDS records the checksum that it finds; it is compared below
            register_checksums_path=pathlib.Path(folder, "checksums.tsv"),
        )
        try:
            path = pathlib.Path(manager.download(file.url))
        except tfds.download.DownloadError as error:
            raise OSError(str(error)) from error
        content = _verified(path, file, f"the download from {file.url}", "it has been deleted, so try again later")
        (folders.downloads / folders.dataset).mkdir(exist_ok=True)
        for part in (_info(path), path):
            os.replace(part, folders.downloads / folders.dataset / part.name)
    return content
