"""Search, verification and download of a small file of known SHA-256."""

import contextlib
import hashlib
import http.server
import pathlib
import socket
import sys
import tempfile
import threading
import time

import pytest

from jaxdl.data.catalog import downloads
from jaxdl.data.catalog.downloads import RemoteFile, SearchFolders, read_verified, remote_files

NAME = "images.tar.gz"
CONTENT = bytes(range(256)) * 9
SHA256 = hashlib.sha256(CONTENT).hexdigest()

with_tfds = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # protobuf and etils warn


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def read(home, *, url="http://images.invalid", manual="manual"):
    file = RemoteFile(f"{url}/{NAME}", len(CONTENT), SHA256, NAME)
    (content,) = read_verified([file], SearchFolders("images", home / manual, home / "downloads"))
    return content


def put(folder, content=CONTENT):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / NAME).write_bytes(content)
    return folder / NAME


@contextlib.contextmanager
def serving(content, *, status=200):
    """Run a server that answers every request with this content; yield its address and the requested paths."""
    requested = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            requested.append(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", requested
        finally:
            server.shutdown()
            thread.join()


def download_with_tfds(url, downloads):
    """Return the path at which TFDS's own DownloadManager finds the file, or stores it after a download."""
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core.download.checksums import UrlInfo

    manager = tfds.download.DownloadManager(
        download_dir=downloads,
        dataset_name="images",
        url_infos={f"{url}/{NAME}": UrlInfo(len(CONTENT), SHA256, NAME)},
        force_checksums_validation=True,
    )
    return pathlib.Path(manager.download(f"{url}/{NAME}"))


def test_sources_reads_the_checksums_of_tfds():
    assert len(remote_files("mnist")) == len(remote_files("fashion_mnist")) == 4
    assert remote_files("cifar10") == {
        "cifar-10-binary.tar.gz": RemoteFile(
            "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
            170_052_171,
            "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            "cifar-10-binary.tar.gz",
        )
    }


@with_tfds
def test_addresses_equal_those_of_the_tfds_builders():
    from tensorflow_datasets.image_classification import cifar, mnist

    for dataset, url in [("mnist", mnist.MNIST.URL), ("fashion_mnist", mnist.FashionMNIST.URL)]:
        for source in remote_files(dataset).values():
            assert source.url == f"{url.removesuffix('/')}/{source.name}"
    assert remote_files("cifar10")["cifar-10-binary.tar.gz"].url in pathlib.Path(cifar.__file__).read_text()
    assert "tensorflow" not in sys.modules


def test_the_folder_of_the_set_precedes_the_shared_folder(tmp_path):
    put(tmp_path / "manual")
    assert read(tmp_path) == CONTENT
    own = put(tmp_path / "manual" / "images", b"another")
    with pytest.raises(ValueError, match="manual/images/images.tar.gz must be"):
        read(tmp_path)
    put(own.parent)
    put(tmp_path / "manual", b"another")
    assert read(tmp_path) == CONTENT


@pytest.mark.parametrize(
    "content",
    [CONTENT[:-1], CONTENT + b"\0", b"", b"\1" + CONTENT[1:], CONTENT * 30],
    ids=["truncated", "longer", "empty", "tampered", "much longer"],
)
@pytest.mark.parametrize("folder", ["manual", "manual/images"])
def test_a_manual_file_with_another_checksum_raises_an_error_and_is_kept(folder, content, tmp_path, monkeypatch):
    monkeypatch.setattr(downloads, "BLOCK", 1000)
    file = put(tmp_path / folder, content)
    with pytest.raises(
        ValueError, match=r"put the file from http://images.invalid/.* into .*manual/images\.$"
    ) as raised:
        read(tmp_path)
    assert f"{file} must be {NAME} with the SHA-256 {SHA256} and {len(CONTENT)} bytes, but" in str(raised.value)
    assert f"the SHA-256 {hashlib.sha256(content).hexdigest()} and {len(content)} bytes" in str(raised.value)
    assert file.read_bytes() == content


def test_a_file_is_opened_only_once(tmp_path, monkeypatch):
    """The verified bytes are the returned ones, even if the file changes in between."""
    put(tmp_path / "manual")
    opened, path_open = [], pathlib.Path.open

    def counted(path, *mode):
        opened.append(path.name)
        return path_open(path, *mode)

    monkeypatch.setattr(pathlib.Path, "open", counted)
    assert read(tmp_path) == CONTENT
    assert opened == [NAME]


@pytest.mark.parametrize("timeout", [downloads.TIMEOUT, 0.1])
def test_without_a_network_an_error_is_raised_within_five_seconds(timeout, tmp_path, monkeypatch):
    """The DNS lookup never returns; no timeout of a socket ends it."""
    end = threading.Event()

    def hang(*address, **options):
        end.wait(60)
        raise OSError("too late")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    monkeypatch.setattr(downloads, "TIMEOUT", timeout)
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)  # its import alone may take two seconds
    threads, start = threading.enumerate(), time.perf_counter()
    with pytest.raises(
        FileNotFoundError, match=rf"no answer from \S+ in {timeout} seconds\): put {NAME} from"
    ) as raised:
        read(tmp_path)
    assert time.perf_counter() - start < 5
    assert all(thread.daemon for thread in threading.enumerate() if thread not in threads)  # the exit does not wait
    end.set()
    assert str(raised.value).endswith(
        f"{NAME} from http://images.invalid/{NAME} (SHA-256 {SHA256}) into {tmp_path}/manual/images."
    )
    assert not list(tmp_path.iterdir())


def test_a_host_that_refuses_the_connection_raises_an_error(tmp_path):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # it does not listen
        with pytest.raises(FileNotFoundError, match=r"no answer from http://127.0.0.1:\d+/, .*refused"):
            read(tmp_path, url=f"http://127.0.0.1:{closed.getsockname()[1]}")


def test_the_error_lists_only_the_missing_file(tmp_path, monkeypatch):
    put(tmp_path / "manual")
    known = [RemoteFile(f"http://images.invalid/{name}", len(CONTENT), SHA256, name) for name in (NAME, "labels.gz")]
    with pytest.raises(FileNotFoundError, match=r"\): put labels.gz from \S+ \(SHA-256 \w+\) into ") as raised:
        read_verified(known, SearchFolders("images", tmp_path / "manual", tmp_path / "downloads"))
    assert NAME not in str(raised.value)


@with_tfds
def test_a_download_is_stored_in_the_cache_of_tfds_without_leftovers(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", "nowhere")  # it may be on another disk, and os.replace needs the same disk
    downloads = tmp_path / "downloads"
    with serving(CONTENT) as (url, requested):
        assert read(tmp_path, url=url) == CONTENT
    assert requested == [f"/{NAME}"]
    assert read(tmp_path, url=url) == CONTENT  # without the server
    (folder,) = downloads.iterdir()
    info, file = sorted(folder.iterdir(), key=lambda path: path.suffix != ".INFO")
    assert (folder.name, info.name, file.read_bytes()) == ("images", f"{file.name}.INFO", CONTENT)
    assert download_with_tfds(url, downloads) == file
    assert "tensorflow" not in sys.modules


@with_tfds
@pytest.mark.parametrize("folder", ["images", "."])
def test_a_download_of_tfds_is_used_if_intact_and_removed_if_not(folder, tmp_path):
    downloads = tmp_path / "downloads"
    with serving(CONTENT) as (url, _):
        file = download_with_tfds(url, downloads)
    info = file.with_name(f"{file.name}.INFO")
    file, info = (path.replace(downloads / folder / path.name) for path in (file, info))
    assert read(tmp_path) == CONTENT
    file.write_bytes(CONTENT[:-1])
    with pytest.raises(ValueError, match=rf"SHA-256 {SHA256} .*: it has been removed, so load again to download it\.$"):
        read(tmp_path)
    assert not file.exists()
    assert not info.exists()
    file.write_bytes(CONTENT)  # TFDS ignores a file without .INFO
    with pytest.raises(FileNotFoundError):
        read(tmp_path)


@with_tfds
@pytest.mark.parametrize("content", [CONTENT[:-1], b"<html>Sign in to this network</html>"])
def test_a_download_with_another_checksum_is_deleted(content, tmp_path):
    with (
        serving(content) as (url, _),
        pytest.raises(
            ValueError, match=rf"^the download from {url}/{NAME} must be {NAME} with the SHA-256 {SHA256}"
        ) as raised,
    ):
        read(tmp_path, url=url)
    assert hashlib.sha256(content).hexdigest() in str(raised.value)
    assert not list((tmp_path / "downloads").iterdir())


@with_tfds
def test_a_missing_address_raises_an_error_with_a_remedy(tmp_path):
    with (
        serving(b"gone", status=404) as (url, _),
        pytest.raises(FileNotFoundError, match=rf"404.*\): put {NAME} from {url}/{NAME} "),
    ):
        read(tmp_path, url=url)
    assert not list((tmp_path / "downloads").iterdir())


@with_tfds
@pytest.mark.parametrize("proxy", ["http_proxy", "all_proxy"])
def test_a_configured_proxy_receives_the_request(proxy, tmp_path, monkeypatch):
    with serving(CONTENT) as (url, requested):
        monkeypatch.setenv(proxy, url)
        assert read(tmp_path) == CONTENT
    assert requested == [f"http://images.invalid/{NAME}"]


@pytest.mark.parametrize(
    ("url", "environment", "expected"),
    [
        ("https://a.org/x", {}, ("a.org", 443)),
        ("http://a.org/x", {}, ("a.org", 80)),
        ("http://a.org:8080/x", {}, ("a.org", 8080)),
        ("https://a.org/x", {"https_proxy": "http://p:3128"}, ("p", 3128)),
        ("https://a.org/x", {"https_proxy": "p:3128"}, ("p", 3128)),
        ("https://a.org/x", {"http_proxy": "http://p:3128"}, ("a.org", 443)),
        ("https://a.org/x", {"https_proxy": "http://p:3128", "no_proxy": "a.org"}, ("a.org", 443)),
    ],
)
def test_the_first_hop_is_the_proxy_or_the_host(url, environment, expected, monkeypatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert downloads._first_hop(url) == expected
