"""A headless Chromium that tests drive over a pipe, in the words of its DevTools protocol."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROGRAM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
_FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe",
          "--no-first-run", "--disable-background-networking")  # fmt: skip


class Tab:
    """One page, and all that the browser says of it.

    Args:
        reading: The end of a pipe that the browser's messages come from.
        writing: The end of a pipe that commands go to.
    """

    def __init__(self, reading: int, writing: int) -> None:
        self._reading, self._writing = os.fdopen(reading, "rb"), os.fdopen(writing, "wb")
        self._count, self._rest = 0, b""
        self.events: list[dict[str, Any]] = []
        self._session: str | None = None
        target = self.do("Target.createTarget", url="about:blank")["targetId"]
        answer = self.do("Target.attachToTarget", targetId=target, flatten=True)
        self._session = answer["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "Accessibility"):
            self.do(f"{domain}.enable")

    def do(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Give a command; return its result."""
        self._count += 1
        message: dict[str, Any] = {"id": self._count, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._writing.write(json.dumps(message).encode() + b"\0")
        self._writing.flush()
        while (answer := self._next()).get("id") != self._count:
            self.events.append(answer)
        assert "error" not in answer, (method, answer)
        return dict(answer["result"])

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            part = os.read(self._reading.fileno(), 1 << 16)
            assert part, "the browser has gone"
            self._rest += part
        line, _, self._rest = self._rest.partition(b"\0")
        return dict(json.loads(line))

    def open(self, path: Path, width: int = 1280, height: int = 800, dark: bool = False) -> None:
        """Open a file of the disk, and wait until it is drawn."""
        self.do("Emulation.setDeviceMetricsOverride", width=width, height=height,
                deviceScaleFactor=1, mobile=width < 500)  # fmt: skip
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.do("Emulation.setEmulatedMedia", features=scheme)
        self.do("Page.navigate", url=path.absolute().as_uri())
        self.value("new Promise(done => { const look = () => document.readyState === 'complete'"
                   " ? requestAnimationFrame(() => setTimeout(done, 50)) : setTimeout(look, 20);"
                   " look(); })")  # fmt: skip

    def value(self, script: str) -> Any:
        """Return the value of an expression in the page."""
        answer = self.do(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def press(self, key: str, code: int) -> None:
        """Press and release a key, by its name and its number in Windows."""
        text = {"text": key} if len(key) == 1 else {}
        for kind in ("keyDown", "keyUp"):
            self.do("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code,
                    **(text if kind == "keyDown" else {}))  # fmt: skip

    def drag(self, x: float, y: float, to_x: float, to_y: float) -> None:
        """Drag with the left button of the mouse."""
        for kind, at in (("mousePressed", (x, y)), ("mouseMoved", (to_x, to_y)),
                         ("mouseReleased", (to_x, to_y))):  # fmt: skip
            self.do("Input.dispatchMouseEvent", type=kind, x=at[0], y=at[1], button="left",
                    buttons=0 if kind == "mouseReleased" else 1, clickCount=1)  # fmt: skip

    def complaints(self) -> list[str]:
        """Return what the console says, and errors, so far."""
        kinds = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        return [json.dumps(event) for event in self.events if event.get("method") in kinds]

    def requests(self) -> list[str]:
        """Return the addresses that were asked for so far, data in the page left out."""
        sent = [one for one in self.events if one.get("method") == "Network.requestWillBeSent"]
        urls = [str(one["params"]["request"]["url"]) for one in sent]
        return [url for url in urls if not url.startswith("data:")]

    def close(self) -> None:
        """Close the pipes, which ends the browser."""
        self._writing.close()
        self._reading.close()


@contextmanager
def browsing() -> Iterator[Tab]:
    """Give a page of a browser that is ended with the block."""
    (child_in, to_child), (from_child, child_out) = os.pipe(), os.pipe()

    def renumber() -> None:
        """Give the browser its pipes as 3 and 4."""
        high_in, high_out = (os.dup(end) for end in (child_in, child_out))
        os.dup2(high_in, 3)
        os.dup2(high_out, 4)

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        words = [PROGRAM, *_FLAGS, f"--user-data-dir={profile}"]
        process = subprocess.Popen(words, close_fds=False, preexec_fn=renumber,
                                   stdout=-3, stderr=-3)  # fmt: skip
        os.close(child_in)
        os.close(child_out)
        tab = Tab(from_child, to_child)
        try:
            yield tab
        finally:
            tab.close()
            process.wait(20)
