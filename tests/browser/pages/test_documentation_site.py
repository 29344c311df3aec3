"""The documentation at /docs, with the headers of a leader: pages, folders, search, and every link inside."""

import re
import socket
import threading
from collections.abc import Iterator
from urllib.parse import urljoin

import build_docs
import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect

from pioreactor.web.asgi import Receive, Scope, Send
from pioreactor.web.security.response_headers import SecurityHeaders
from pioreactor.web.static_files import documentation

pytestmark = pytest.mark.browser


async def nothing_else(scope: Scope, receive: Receive, send: Send) -> None:
    del scope, receive
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """Return the address of a server that has nothing but the documentation of these sources."""
    if not build_docs.is_current(build_docs.SITE):
        build_docs.build()
    app = SecurityHeaders(documentation(nothing_else, build_docs.SITE))
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="error"))
    with socket.create_server(("127.0.0.1", 0)) as listening:  # requests wait in it until the server runs
        serving = threading.Thread(target=server.run, args=([listening],))
        serving.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        serving.join()


@pytest.fixture
def page(browser: Browser, site: str) -> Iterator[Page]:
    """Open a page that fails the test for what the browser reports or requests from elsewhere."""
    errors: list[str] = []
    context = browser.new_context(base_url=site)
    opened = context.new_page()
    opened.on("console", lambda said: errors.append(said.text) if said.type in ("error", "warning") else None)
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on(
        "request",
        lambda asked: None if asked.url.startswith((site, "blob:", "data:")) else errors.append(asked.url),
    )
    yield opened
    context.close()
    assert errors == []


def test_the_front_page_leads_to_a_guide(page: Page) -> None:
    page.goto("/docs")
    assert page.url.endswith("/docs/")
    page.get_by_role("link", name="How-to guides").first.click()
    expect(page.get_by_role("heading", name="How to do one thing")).to_be_visible()
    page.get_by_role("article").get_by_role("link", name="Back up and restore the database").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Back up and restore the database")


def test_a_folder_without_its_slash_shows_a_page_whose_links_work(page: Page) -> None:
    page.goto("/docs/how-to")
    assert page.url.endswith("/docs/how-to/")
    page.get_by_role("article").get_by_role("link", name="Add a job").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Add a job")


def test_search_finds_a_section(page: Page) -> None:
    page.goto("/docs/")
    page.get_by_role("button", name="Search").first.click()
    page.locator("input:visible").first.fill("turbidostat")
    page.locator("a:visible", has_text="It doses from the filtered OD").first.click()
    expect(page).to_have_url(re.compile(r"/docs/explanations/closed-loops\.html"))


def test_no_link_inside_leads_nowhere(page: Page, site: str) -> None:
    seen: set[str] = set()
    waiting = [f"{site}/docs/"]
    while waiting:
        address = waiting.pop()
        if address in seen or not address.startswith(f"{site}/docs"):
            continue
        seen.add(address)
        answer = page.request.get(address)
        assert answer.status == 200, address
        if answer.headers["content-type"].startswith("text/html"):
            links = re.findall(r"""(?:href|src)=["']?([^"' >]+)""", answer.text())
            waiting += [urljoin(answer.url, link).split("#")[0] for link in links]
    assert len(seen) > 50
