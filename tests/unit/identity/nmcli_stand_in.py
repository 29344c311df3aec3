"""A program that takes the place of `nmcli`: it answers as version 1.42 does, and notes what it was asked."""

import json
import os
import textwrap
from pathlib import Path
from typing import Any

import pytest

_PROGRAM = """\
    #!/usr/bin/env python3
    import json, os, pathlib, stat, sys
    folder = pathlib.Path(__file__).parent
    state_file = folder / "state.json"
    state = json.loads(state_file.read_text())
    asked = sys.argv[1:]
    note = {"asked": asked}
    def end(text="", status=0):
        with (folder / "calls.jsonl").open("a") as calls:
            calls.write(json.dumps(note) + "\\n")
        state_file.write_text(json.dumps(state))
        print(text, file=sys.stderr if status else sys.stdout)
        sys.exit(status)
    if state["fault"]:
        end(state["fault"], 8)
    mine = state["profile"]
    if asked == ["-t", "-f", "DEVICE,TYPE,STATE", "device"]:
        end("\\n".join(":".join(row) for row in state["devices"]))
    if asked == ["-t", "-f", "UUID,TYPE,DEVICE,NAME", "connection", "show", "--active"]:
        end("\\n".join(":".join(row[:4]) for row in state["active"]))
    if asked[:4] == ["-g", "802-11-wireless.mode,802-11-wireless.ssid", "connection", "show"]:
        end("\\n".join(next(row[4:6] for row in state["active"] if row[0] == asked[-1])))
    if asked[:4] == ["-g", "WIFI-PROPERTIES.AP", "device", "show"]:
        end(state["opens_networks"])
    if asked[:4] == ["-g", "IP4.ADDRESS", "device", "show"]:
        end(mine["ipv4.addresses"] if mine else "")
    if asked[:2] == ["connection", "add"]:
        state["profile"] = dict(zip(asked[2::2], asked[3::2]))
        end("successfully added.")
    if asked[:2] == ["connection", "delete"]:
        known = mine and (asked[3] in (mine["con-name"], "uuid-of-mine"))
        state["profile"], state["active"] = None, [row for row in state["active"] if row[0] != "uuid-of-mine"]
        end("deleted" if known else "Error: unknown connection.", 0 if known else 10)
    if asked[:1] == ["--wait"] and asked[2:4] == ["connection", "up"]:
        secrets = pathlib.Path(asked[asked.index("passwd-file") + 1])
        note["file"], note["mode"] = secrets.read_text(), oct(stat.S_IMODE(secrets.stat().st_mode))
        if state["refuses"]:
            end(state["refuses"], 4)
        row = ["uuid-of-mine", "802-11-wireless", mine["ifname"], mine["con-name"], "ap", mine["ssid"]]
        state["active"] = [one for one in state["active"] if one[2] != mine["ifname"]] + [row]
        end("activated")
    end("Error: argument not understood: " + " ".join(asked), 2)
"""


class Nmcli:
    """The stand-in, what it is made to answer, and what it was asked."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir()
        (folder / "nmcli").write_text(textwrap.dedent(_PROGRAM))
        (folder / "nmcli").chmod(0o755)
        self._state: dict[str, Any] = {
            "devices": [("eth0", "ethernet", "connected"), ("wlan0", "wifi", "disconnected")],
            "active": [("uuid-of-cable", "802-3-ethernet", "eth0", "Wired")],
            "opens_networks": "yes",
            "profile": None,
            "fault": "",
            "refuses": "",
        }
        self.answer()

    def answer(self, **changed: object) -> None:
        state = self._folder / "state.json"
        before = json.loads(state.read_text()) if state.exists() else self._state
        state.write_text(json.dumps({**before, **changed}))

    def calls(self) -> list[dict[str, Any]]:
        """Return each call: `asked`, and of a file with secrets its text and mode."""
        path = self._folder / "calls.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def changes(self) -> list[str]:
        """Return what changed something, as one line each."""
        lines = [" ".join(call["asked"]) for call in self.calls()]
        return [line for line in lines if " show" not in line and not line.endswith(" device")]


def install(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Nmcli:
    """Put the stand-in before every other program."""
    made = Nmcli(folder)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return made
