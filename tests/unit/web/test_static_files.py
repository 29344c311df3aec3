"""The user interface and the documentation, as the leader serves them."""

import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

import build_docs
import pytest

SCRIPT = 'document.title = "x"'


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    (folder / "how-to").mkdir(parents=True)
    (folder / "assets").mkdir()
    (folder / "index.html").write_text(f"<!doctype html><title>Manual</title><script>{SCRIPT}</script>")
    (folder / "how-to" / "calibrate.html").write_text("<!doctype html><title>Calibrate</title>")
    (folder / "how-to" / "index.html").write_text("<!doctype html><title>How to</title>")
    (folder / "assets" / "app.js").write_text("export const x = 1;\n")
    (tmp_path / "secret.html").write_text("a secret")
    (folder / "link.html").symlink_to(tmp_path / "secret.html")
    return folder


def test_the_documentation_is_public_like_the_ui(leader: Any, docs: Path) -> None:
    leader.client.headers.pop("Authorization")
    assert docs.is_dir()
    redirect = leader.client.get("/docs", follow_redirects=False)
    assert (redirect.status_code, redirect.headers["location"]) == (307, "/docs/")
    for path, title in [
        ("/docs", "Manual"),
        ("/docs/", "Manual"),
        ("/docs/index.html", "Manual"),
        ("/docs/how-to/", "How to"),
        ("/docs/how-to/calibrate.html", "Calibrate"),
    ]:
        page = leader.client.get(path)
        assert page.status_code == 200, path
        assert f"<title>{title}" in page.text
        assert page.headers["cache-control"] == "no-cache"
    assert leader.client.get("/docs/assets/app.js").headers["content-type"].startswith("text/javascript")
    assert leader.client.head("/docs/").text == ""
    assert leader.client.post("/docs/").status_code == 404


@pytest.mark.parametrize("path", ["/docs/how-to", "/docs/with space"])
def test_a_folder_without_its_slash_is_redirected_so_that_links_inside_lead_on(
    leader: Any, docs: Path, path: str
) -> None:
    (docs / "with space").mkdir()
    (docs / "with space" / "index.html").write_text("<!doctype html><title>Spaced</title>")
    answer = leader.client.get(path, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (307, f"{path.replace(' ', '%20')}/")
    assert leader.client.get(path).status_code == 200


def test_a_folder_without_a_page_is_not_found(leader: Any, docs: Path) -> None:
    assert docs.is_dir()
    assert leader.client.get("/docs/assets", follow_redirects=False).status_code == 404


def test_inline_scripts_of_the_documentation_may_run_and_no_others(leader: Any, docs: Path) -> None:
    assert docs.is_dir()
    digest = b64encode(sha256(SCRIPT.encode()).digest()).decode()
    assert f"script-src 'self' 'sha256-{digest}';" in leader.client.get("/docs/").headers["content-security-policy"]
    for path in ("/docs/how-to/", "/docs/gone.html", "/"):
        assert "script-src 'self';" in leader.client.get(path).headers["content-security-policy"], path


def test_a_missing_page_is_a_404_of_the_documentation(leader: Any, docs: Path) -> None:
    assert docs.is_dir()
    page = leader.client.get("/docs/gone.html")
    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html")
    assert "Page not found" in page.text
    assert "<title>Pioreactor" in leader.client.get("/docsx").text


@pytest.mark.parametrize("path", ["/docs/../secret.html", "/docs/%2e%2e/secret.html", "/docs/link.html", "/docs/%00"])
def test_nothing_outside_of_the_folder_is_served(leader: Any, docs: Path, path: str) -> None:
    assert docs.is_dir()
    assert "a secret" not in leader.client.get(path).text


def test_documentation_that_was_not_built_is_a_404_with_instructions(leader: Any) -> None:
    page = leader.client.get("/docs/")
    assert page.status_code == 404
    assert "make docs" in page.text


def test_the_ui_is_public_and_nothing_outside_of_its_folder(leader: Any) -> None:
    client = leader.client
    client.headers.pop("Authorization")
    page = client.get("/overview/some/page")
    assert page.status_code == 200
    assert "<title>Pioreactor" in page.text
    assert page.headers["cache-control"] == "no-cache"

    asset = client.get("/assets/app-1a2b.js")
    assert "immutable" in asset.headers["cache-control"]
    assert asset.headers["content-type"].startswith("text/javascript")
    assert asset.headers["content-encoding"] == "gzip"
    assert client.get("/assets/gone.js").status_code == 404
    assert client.head("/").status_code == 200
    assert client.post("/").status_code == 404

    for path in ("/../leader.sqlite", "/%2e%2e/leader.sqlite", "/assets/%2e%2e/%2e%2e/leader.sqlite", "/%00"):
        assert not client.get(path).content.startswith(b"SQLite"), path


def test_the_demo_of_a_checkout_builds_the_documentation_when_its_sources_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    makefile = (build_docs.ROOT / "Makefile").read_text()
    assert re.search(r"^demo:.* site\b", makefile, flags=re.MULTILINE)
    assert re.search(r"^site:.*\n.*build_docs\.py --if-changed", makefile, flags=re.MULTILINE)
    monkeypatch.setattr(build_docs, "ROOT", tmp_path)
    monkeypatch.setattr(build_docs, "CONFIG", tmp_path / "zensical.toml")
    (tmp_path / "docs").mkdir()
    (tmp_path / "zensical.toml").touch()
    page, site = tmp_path / "docs" / "README.md", tmp_path / "site"
    page.write_text("# Manual\n")
    assert not build_docs.is_current(site)
    site.mkdir()
    (site / "index.html").touch()
    (site / build_docs.STAMP).write_text(build_docs.fingerprint())
    assert build_docs.is_current(site)
    page.write_text("# Handbook\n")
    assert not build_docs.is_current(site)
