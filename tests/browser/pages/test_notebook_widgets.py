"""The JavaScript of the client's widgets, in a browser with a model as a notebook gives it."""

import base64
import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

WIDGETS = Path(__file__).parents[3] / "client" / "src" / "pioreactor_client" / "widgets"
HOST = """<!doctype html><title>notebook</title><div id="cell"></div><script type="module">
const listeners = {}, state = %s;
window.sent = [];
const model = {
  get: (name) => state[name],
  on: (name, listener) => { (listeners[name] ??= []).push(listener); },
  off: (name, listener) => { listeners[name] = listeners[name].filter((each) => each !== listener); },
  send: (content) => window.sent.push(content),
};
window.change = (name, value) => { state[name] = value; for (const each of listeners[`change:${name}`] ?? []) each(); };
window.listening = () => Object.values(listeners).flat().length;
const { default: widget } = await import("data:text/javascript;base64,%s");
window.remove = await widget.render({ model, el: document.getElementById("cell") });
</script>"""


def opened(browser: Browser, name: str, **state: object) -> Page:
    page = browser.new_page()
    code = base64.b64encode((WIDGETS / f"{name}.js").read_bytes()).decode()
    page.set_content(HOST % (json.dumps(state), code))
    page.wait_for_function("window.remove !== undefined")
    return page


def test_a_chart_draws_each_line_and_what_is_added(browser: Browser) -> None:
    page = opened(browser, "live_chart", title="Optical density of worker1", unit="OD", lines={})
    expect(page.get_by_role("img", name="Optical density of worker1 [OD]")).to_contain_text("Nothing was measured")
    page.evaluate("change('lines', {1: [[0, 0.1], [60000, 0.2]], 2: [[0, 0.3], [60000, 0.3]]})")
    expect(page.locator("polyline")).to_have_count(2)
    expect(page.locator("svg")).to_contain_text("photodiode 2")
    first, second = (line.get_attribute("points") for line in page.locator("polyline").all())
    assert first == "56.0,216.0 632.0,120.0"
    assert second == "56.0,24.0 632.0,24.0"
    page.evaluate("change('lines', {'': [[0, 0.5]]})")
    expect(page.locator("polyline")).to_have_count(1)
    assert "NaN" not in page.locator("svg").inner_html()
    page.evaluate("remove()")
    assert page.evaluate("listening()") == 0
    page.close()


@pytest.mark.parametrize("is_running", [True, False])
def test_buttons_ask_once_and_show_the_refusal(browser: Browser, is_running: bool) -> None:
    values = {"target_rpm": 400 if is_running else None}
    page = opened(browser, "job_controls", title="stirring", is_running=is_running, values=values, message="")
    field, status = page.get_by_label("target rpm"), page.get_by_role("status")
    if is_running:
        field.fill("1e6")
        field.blur()
        assert page.evaluate("sent") == [{"do": "set", "setting": "target_rpm", "value": 1e6}]
    else:
        expect(field).to_be_disabled()
        page.get_by_role("button", name="Start").click()
        assert page.evaluate("sent") == [{"do": "start"}]
    expect(page.get_by_role("button", name="Refresh")).to_be_disabled()
    page.evaluate("change('message', 'target_rpm has to be <b>between</b> 0 and 5000')")
    expect(status).to_have_text("target_rpm has to be <b>between</b> 0 and 5000")
    expect(page.get_by_role("button", name="Refresh")).to_be_enabled()
    page.close()
