"""A web server of this machine that publishes releases and can break a download."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Publisher:
    """Serves files; connections can break after some bytes."""

    files: dict[str, bytes] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    breaks_after_bytes: list[int] = field(default_factory=list)
    knows_ranges: bool = True
    address: str = ""
    asked: list[str] = field(default_factory=list)

    def handler(self) -> type[BaseHTTPRequestHandler]:
        publisher = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                publisher.asked.append(f"{self.path} {self.headers.get('Range', '')}".strip())
                if self.path in publisher.redirects:
                    self.send_response(302)
                    self.send_header("Location", publisher.redirects[self.path])
                    self.end_headers()
                    return
                content = publisher.files.get(self.path)
                if content is None:
                    self.send_error(404)
                    return
                start = 0
                if publisher.knows_ranges and "Range" in self.headers:
                    start = int(self.headers["Range"].removeprefix("bytes=").rstrip("-"))
                self.send_response(206 if start else 200)
                self.send_header("Content-Length", str(len(content) - start))
                self.end_headers()
                is_archive = self.path.endswith(".zip")
                most = publisher.breaks_after_bytes.pop(0) if is_archive and publisher.breaks_after_bytes else None
                self.wfile.write(content[start:] if most is None else content[start : start + most])
                self.close_connection = True

            def log_message(self, *_: object) -> None:
                """Write nothing."""

        return Handler


@contextmanager
def running_publisher() -> Iterator[Publisher]:
    """Yield a publisher at an address of this machine, with a server of its own."""
    found = Publisher()
    server = ThreadingHTTPServer(("127.0.0.1", 0), found.handler())
    server.daemon_threads = False  # its end waits for their end
    found.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


def publish(publisher: Publisher, archive: Path, **changes: object) -> dict[str, object]:
    """Put an archive beside a list that names it; return its entry."""
    content = archive.read_bytes()
    publisher.files[f"/files/{archive.name}"] = content
    entry: dict[str, object] = {
        "version": "27.1.0",
        "url": f"files/{archive.name}",
        "sha256": hashlib.sha256(content).hexdigest(),
        "size_bytes": len(content),
        **changes,
    }
    publisher.files["/releases.json"] = json.dumps({"releases": [entry]}).encode()
    return entry
