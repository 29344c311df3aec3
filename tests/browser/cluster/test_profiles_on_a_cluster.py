"""A person writes a profile, sees what it will do, runs it and stops it, on a real cluster."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import Cluster

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

PROFILE = """version: "1.0"
experiment_profile_name: Faster, then wait
common:
  jobs:
    stirring:
      actions:
        - {type: update, t: 0, options: {target_rpm: 611}}
        - {type: log, t: 2d, options: {message: over}}
"""


def test_a_profile_is_written_run_and_stopped(
    cluster: Cluster, open_page: Callable[..., Page], keep_screenshot: Callable[..., None]
) -> None:
    page = open_page()
    page.goto(f"{cluster.address}/experiment-profiles")
    page.get_by_label("Name").fill(cluster.username)
    page.get_by_label("Password").first.fill(cluster.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("There is no profile yet.")).to_be_visible()

    page.get_by_role("button", name="New profile").click()
    page.get_by_role("menuitem", name="Stir, then dilute at a density").click()
    page.get_by_label("Name of the file").fill("faster")
    text = page.get_by_label("Text of the profile")
    text.fill(PROFILE.replace("t: 2d", "t: soon"))
    expect(page.get_by_text("'soon' is not a time")).to_be_visible()
    expect(page.get_by_role("button", name="Save")).to_be_disabled()
    keep_screenshot(page, "profile-mistake")
    text.fill(PROFILE)
    timeline = page.get_by_role("table", name="Timeline")
    expect(timeline.get_by_text("set target_rpm 611 of stirring")).to_be_visible()
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_role("heading", name="faster.yaml")).to_be_visible()
    expect(timeline.get_by_role("row").last).to_contain_text("2 d")
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_role("button", name="Run profile").click()
    runs = page.get_by_role("region", name="Runs")
    expect(runs.get_by_text("Faster, then wait").first).to_be_visible(timeout=20_000)
    expect(runs.get_by_text("1 action done")).to_be_visible(timeout=20_000)
    keep_screenshot(page, "profile-runs")

    runs.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Stop profile").click()
    expect(runs.get_by_text("No profile runs.")).to_be_visible(timeout=20_000)
    expect(runs.get_by_text(re.compile("Run before"))).to_be_visible(timeout=20_000)

    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete profile").click()
    expect(page.get_by_text("There is no profile yet.")).to_be_visible()
