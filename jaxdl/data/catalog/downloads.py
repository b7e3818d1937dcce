"""Files that TFDS knows by address and SHA-256: found where TFDS looks, or downloaded, and verified before any use."""

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

DEADLINE = 1  # seconds in which a host must answer, the resolution of its name included
BLOCK = 1 << 20


class Source(NamedTuple):
    """A file, as TFDS knows it."""

    url: str
    size: int
    sha256: str
    name: str


def default_data_dir() -> pathlib.Path:
    """Where TFDS keeps its data: TFDS_DATA_DIR, else ~/tensorflow_datasets."""
    return pathlib.Path(os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets").expanduser()


def sources(dataset: str) -> dict[str, Source]:
    """The files of a data set by name, from the checksums that TFDS ships; TFDS itself is not imported."""
    rows = (line.split("\t") for line in (_checksums() / f"{dataset}.txt").read_text().splitlines())
    return {name: Source(url, int(size), sha256, name) for url, size, sha256, name in rows}


def read_genuine(
    dataset: str,
    wanted: Sequence[Source],
    *,
    data_dir: pathlib.Path,
    manual_dir: pathlib.Path,
    others: Sequence[Source] = (),
) -> list[bytes]:
    """The contents of the wanted files, every one with the size and SHA-256 that TFDS knows.

    Looked for in `manual_dir/dataset`, `manual_dir` and TFDS's cache `data_dir/downloads`; what is in none of them is
    downloaded into the cache. Raises ValueError for a file that is not genuine (it leaves the cache, but not
    `manual_dir`), and FileNotFoundError within seconds where a file is missing and its host does not answer; it asks
    for what is missing of `others` too, which will be wanted next.
    """
    downloads = data_dir / "downloads"
    contents = {
        file: _from_manual(file, dataset, manual_dir) or _from_cache(file, dataset, downloads) for file in wanted
    }
    try:
        for url in {urllib.parse.urljoin(file.url, "/") for file in _missing(contents)}:
            _knock(url)
        for file in _missing(contents):
            contents[file] = _download(file, dataset, downloads)
    except OSError as error:
        absent = [*_missing(contents), *_nowhere(others, dataset, manual_dir, downloads)]
        files = " and ".join(f"{file.name} from {file.url} (SHA-256 {file.sha256})" for file in absent)
        raise FileNotFoundError(
            f"{dataset} is neither in {manual_dir} nor in {downloads}, and cannot be downloaded ({error}): "
            f"put {files} into {manual_dir / dataset}."
        ) from error
    return [content for content in contents.values() if content is not None]


def _checksums() -> pathlib.Path:
    wheel = importlib.metadata.distribution("tensorflow-datasets")
    return pathlib.Path(str(wheel.locate_file("tensorflow_datasets/url_checksums")))


def check_manual(dataset: str, wanted: Sequence[Source], *, manual_dir: pathlib.Path) -> None:
    """Raise ValueError for a wanted file that lies in `manual_dir/dataset` or `manual_dir` and is not genuine."""
    for file in wanted:
        _from_manual(file, dataset, manual_dir)


def _nowhere(files, dataset, manual_dir, downloads) -> list[Source]:
    """Those that are in neither place."""
    return [
        file
        for file in files
        if not any(path.is_file() for path in _by_hand(file, dataset, manual_dir))
        and not any(True for _ in _in_cache(file, dataset, downloads))
    ]


def _missing(contents) -> list[Source]:
    return [file for file, content in contents.items() if content is None]


def _from_manual(file, dataset, manual_dir) -> bytes | None:
    for path in _by_hand(file, dataset, manual_dir):
        if path.is_file():
            return _verified(path, file, path, f"put the file from {file.url} into {manual_dir / dataset}")
    return None


def _by_hand(file, dataset, manual_dir) -> tuple[pathlib.Path, pathlib.Path]:
    return manual_dir / dataset / file.name, manual_dir / file.name


def _from_cache(file, dataset, downloads) -> bytes | None:
    for path in _in_cache(file, dataset, downloads):
        try:
            return _verified(path, file, path, "it has been removed, so load again to download it")
        except ValueError:
            path.unlink(missing_ok=True)
            _info(path).unlink(missing_ok=True)
            raise
    return None


def _in_cache(file, dataset, downloads) -> Generator[pathlib.Path]:
    """In TFDS's cache, whose names end with the SHA-256; without its .INFO, nothing there counts."""
    digest = base64.urlsafe_b64encode(bytes.fromhex(file.sha256)).decode().rstrip("=")
    suffix = "".join(pathlib.PurePath(file.name).suffixes)
    for folder in (downloads / dataset, downloads):
        yield from (path for path in folder.glob(f"*{digest}{suffix}") if _info(path).exists())


def _info(path) -> pathlib.Path:
    return path.with_name(f"{path.name}.INFO")


def _verified(path, file, what, remedy) -> bytes:
    """The content of a file, read once; ValueError if it is not the one that TFDS knows."""
    with path.open("rb") as opened:
        content = opened.read(file.size)
        digest, size = hashlib.sha256(content), len(content)
        while block := opened.read(BLOCK):
            digest.update(block)
            size += len(block)
    if (size, digest.hexdigest()) != (file.size, file.sha256):
        others = [path.stem for path in _checksums().glob("*.txt") if digest.hexdigest() in path.read_text()]
        mistaken = f", as a file of {others[0]} has, so give each set a folder of its own" if others else ""
        raise ValueError(
            f"{what} must be {file.name} with the SHA-256 {file.sha256} and {file.size} bytes, but has the SHA-256 "
            f"{digest.hexdigest()} and {size} bytes{mistaken}: {remedy}."
        )
    return content


def _knock(url) -> None:
    """OSError, at the latest after DEADLINE seconds, where a download from this address could not even begin."""
    answer: Future[None] = Future()

    def connect():
        try:
            socket.create_connection(_first_hop(url), timeout=DEADLINE / 2).close()
        except OSError as error:
            answer.set_exception(error)
        else:
            answer.set_result(None)

    threading.Thread(target=connect, daemon=True).start()  # nothing else ends the resolution of a name
    try:
        answer.result(DEADLINE)
    except TimeoutError:
        raise TimeoutError(f"no answer from {url} in {DEADLINE} seconds") from None
    except OSError as error:
        raise OSError(f"no answer from {url}, {error}") from error


def _first_hop(url) -> tuple[str, int]:
    """Host and port that a request to this address goes to first: a proxy, where the environment names one."""
    address = urllib.parse.urlsplit(url)
    proxies = {} if urllib.request.proxy_bypass(address.netloc) else urllib.request.getproxies()
    proxy = proxies.get(address.scheme) or proxies.get("all")
    if proxy:
        address = urllib.parse.urlsplit(proxy if "//" in proxy else f"//{proxy}")
    return address.hostname or "", address.port or {"https": 443}.get(address.scheme, 80)


def _download(file, dataset, downloads) -> bytes:
    """Download a file with TFDS into its cache; what is not genuine, or not whole, never gets there."""
    import tensorflow_datasets as tfds  # slow to import, and only needed where nothing is cached

    downloads.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=downloads, prefix="incomplete.") as folder:
        manager = tfds.download.DownloadManager(
            download_dir=folder,
            dataset_name=dataset,
            register_checksums=True,  # TFDS writes down what came; what should have come is compared below
            register_checksums_path=pathlib.Path(folder, "checksums.tsv"),
        )
        try:
            path = pathlib.Path(manager.download(file.url))
        except tfds.download.DownloadError as error:
            raise OSError(str(error)) from error
        content = _verified(path, file, f"what {file.url} gives", "it has not been kept, so try again later")
        (downloads / dataset).mkdir(exist_ok=True)
        for part in (_info(path), path):
            os.replace(part, downloads / dataset / part.name)
    return content
