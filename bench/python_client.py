"""Measures the Python client: memory that its import adds, and memory while a long history is read.

Run `python -m bench.python_client [ROWS] [ROUNDS]`. Each measurement is a process of its own; memory is compared with
an interpreter that does nothing (Linux only). The goals are 2.2 times its memory after the import, below 20 MB on
Python 3.11, and a reading whose memory does not grow with its rows.
"""

import http.server
import statistics
import subprocess
import sys
import threading
from pathlib import Path

CLIENT = Path(__file__).parent.parent / "client" / "src"
IMPORTED = "import pioreactor_client.http_transport, pioreactor_client"
_LAZY_LOADER = """
import sys
from importlib.util import LazyLoader, find_spec, module_from_spec
spec = find_spec("ssl")
spec.loader = LazyLoader(spec.loader)
sys.modules["ssl"] = module_from_spec(spec)
spec.loader.exec_module(sys.modules["ssl"])
"""
SOURCES = {
    "python -c pass": "",
    "msgspec, http.client with ssl": "import msgspec, http.client",
    "client, ssl when it is used": IMPORTED,
    "client, ssl by LazyLoader": f"{_LAZY_LOADER}{IMPORTED}",
    "client with ssl": f"import ssl\n{IMPORTED}",
}
_RESIDENT = "import os\nprint(int(open('/proc/self/statm').read().split()[1]) * os.sysconf('SC_PAGE_SIZE') / 1e6)"
_READING = """
import resource, sys, time
from pioreactor_client import Client, History
from pioreactor_client.http_transport import HttpTransport
with Client(HttpTransport(sys.argv[1], "token")) as client:
    began = time.process_time()
    count = sum(1 for _ in History(client.api, "od_readings", sys.argv[2]).rows())
print(count, time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6)
"""
_HEAD = "experiment,pioreactor_unit,timestamp,timestamp_localtime,od_reading,angle,channel\n"
_ROW = "growth of a strain,worker1,2030-01-01T00:00:05.123456Z,2030-01-01 01:00:05.123456,0.51234567,90,2\n"
_ROWS_AT_ONCE = 1000


class _Rows(http.server.BaseHTTPRequestHandler):
    """Answers with as many rows as the experiment's name says."""

    def do_GET(self) -> None:
        rows = int(self.path.partition("experiment=")[2].partition("&")[0])
        self.send_response(200)
        self.end_headers()
        self.wfile.write(_HEAD.encode())
        for _ in range(rows // _ROWS_AT_ONCE):
            self.wfile.write(_ROW.encode() * _ROWS_AT_ONCE)

    def log_request(self, *_: object) -> None:
        return None


def run(source: str, *arguments: str) -> list[float]:
    """Return the numbers that a program prints."""
    done = subprocess.run(
        [sys.executable, "-c", source, *arguments],
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(CLIENT)},
    )
    return [float(word) for word in done.stdout.split()]


def main(rows: int = 1_000_000, rounds: int = 5) -> None:
    """Print both tables."""
    bare_mb = 0.0
    for name, source in SOURCES.items():
        mb = statistics.median(run(f"{source}\n{_RESIDENT}")[0] for _ in range(rounds))
        bare_mb = mb if not source else bare_mb
        print(f"{name:<32} {mb:6.1f} MB {mb / bare_mb:6.2f} x")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Rows)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        for asked in (1000, rows):
            count, cpu_s, peak_mb = run(_READING, f"http://127.0.0.1:{server.server_address[1]}", str(asked))
            print(f"{count:>12,.0f} rows read: peak {peak_mb:6.1f} MB, {1e6 * cpu_s / count:6.2f} µs a row")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
