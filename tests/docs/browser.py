"""A headless chromium that opens pages, steered through two pipes by the DevTools protocol."""

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

PATH = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
OPTIONS = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe")


class Browser:
    """One tab of a browser; `complaints` are the warnings and errors of its console and the requests that failed."""

    def __init__(self, write, read):
        self.write, self.read, self.received = write, read, b""
        self.number, self.session = 0, None
        self.complaints: list[str] = []
        self.loaded = False
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict:
        """Send a command and return its result; events that arrive before are noted."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        self.write.write(json.dumps(message).encode() + b"\0")
        self.write.flush()
        while (answer := self.receive()).get("id") != self.number:
            self.note(answer)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def receive(self) -> dict:
        """Return the next message of the browser."""
        while b"\0" not in self.received:
            part = self.read.read1()
            if not part:
                raise RuntimeError("the browser has ended")
            self.received += part
        message, _, self.received = self.received.partition(b"\0")
        return json.loads(message)

    def note(self, event: dict) -> None:
        """Keep what a page complains about."""
        method, found = event.get("method"), event.get("params", {})
        if method == "Page.loadEventFired":
            self.loaded = True
        elif method == "Runtime.exceptionThrown":
            details = found["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get("description", details["text"]))
        elif method == "Runtime.consoleAPICalled" and found["type"] in ("warning", "error"):
            said = (str(each.get("value", each.get("description"))) for each in found["args"])
            self.complaints.append(f"{found['type']}: {' '.join(said)}")
        elif method == "Log.entryAdded":
            self.complaints.append(f"{found['entry']['text']} {found['entry'].get('url', '')}")

    def open(self, address: str, *, width: int = 1280, dark: bool = False) -> None:
        """Load a page, and forget the complaints of the page before."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600
        )
        self.complaints, self.loaded = [], False
        self.call("Page.navigate", url=address)
        while not self.loaded:
            self.note(self.receive())

    def evaluate(self, script: str) -> Any:
        """Return the value of an expression, or of its promise, in the page."""
        answer = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """Start the browser, and end it with the block."""
    (ours_in, answers), (commands, ours_out) = os.pipe(), os.pipe()
    theirs = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (commands, answers)]  # the browser reads 3 and writes 4
    process = subprocess.Popen(
        ["bash", "-c", f'exec "$0" "$@" 3<&{theirs[0]} 4>&{theirs[1]}', str(PATH), *OPTIONS],
        pass_fds=theirs,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    for end in (commands, answers, *theirs):
        os.close(end)
    try:
        with open(ours_out, "wb") as write, open(ours_in, "rb") as read:
            yield Browser(write, read)
    finally:
        process.kill()
        process.wait()
