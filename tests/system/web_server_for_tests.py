"""Runs a leader's web server with a real broker; says its port and the first person's password."""

import os
import sys
from pathlib import Path

from pioreactor.bootstrap import build_runtime
from pioreactor.cluster.certificates import TlsFiles
from pioreactor.http.client import StandardHttpClient
from pioreactor.identity.people import ensure_first_person
from pioreactor.storage.leader.database import LeaderDatabase
from pioreactor.web import app_factory as composing
from pioreactor.web.serve import serve


def main(
    root: Path, web_port: int, broker_port: int, viewer_password: str, leader_password: str, tls: Path | None = None
) -> None:
    dot = root / "dot_pioreactor"
    (dot / "storage").mkdir(parents=True)
    (dot / "config.ini").write_text(
        "[cluster.topology]\nleader_hostname=leader1\nleader_address=127.0.0.1\n"
        f"[mqtt]\nusername=leader1\npassword={leader_password}\nbroker_port={broker_port}\n[ui]\nport={web_port}\n"
    )
    environment = {
        "HOSTNAME": "leader1",
        "DOT_PIOREACTOR": str(dot),
        "RUN_PIOREACTOR": str(root / "run"),
        "PATH": os.environ["PATH"],
    }
    runtime = build_runtime(environment, quiet=True, handles_signals=False)
    database = LeaderDatabase.open(runtime.paths.database)
    password = ensure_first_person(database.people)
    composing.RUN = (sys.executable, "-c", "pass")
    app = composing.compose(
        runtime,
        http=StandardHttpClient(),
        environment=environment,
        database=database,
        viewer=("viewer", viewer_password),
    )

    def started(port: int) -> None:
        token = (runtime.paths.secrets / "cluster_token").read_text().strip()
        sys.stdout.write(f"{port} {password} {token}\n")
        sys.stdout.flush()

    files = TlsFiles(tls) if tls is not None else None
    certificate = (files.certificate, files.key) if files is not None else None
    serve(app, "127.0.0.1", web_port, on_start=started, tls=certificate)
    database.close()
    runtime.stores.close()


if __name__ == "__main__":
    tls_folder = Path(sys.argv[6]) if len(sys.argv) > 6 else None
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5], tls_folder)
