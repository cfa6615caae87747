"""Pictures of every page of the dashboard, light and dark, desktop and phone, from the real app."""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page

from shared import instants

from . import dead_letters, sample_accounts
from .chromium import chromium
from .dashboard_page import DashboardPage
from .lab import Lab, start_lab
from .mails import five
from .processes import ROOT

_PERSON = "ada@outlook.example"
_GONE = "grace@contoso.example"
_DOCS = ROOT / "docs/pictures"
_SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
_ACCOUNTS = 190  # a list of several pages

type Scheme = Literal["light", "dark"]
_SCHEMES: tuple[Scheme, ...] = ("light", "dark")


@dataclass(frozen=True)
class _Camera:
    """name: of the window that it looks at."""

    dashboard: DashboardPage
    folder: Path
    name: str

    @property
    def page(self) -> Page:
        return self.dashboard.page

    def shoot(self, view: str, *, whole: bool = True) -> None:
        self.page.screenshot(path=self.folder / f"{view}-{self.name}.png", full_page=whole)


def main() -> None:
    """Starts a lab whose timer rests, fills it, and takes the pictures."""
    options = _options()
    lab = start_lab((options.folder / "lab").resolve(), beat_seconds=None)
    try:
        views = _filled(lab)
        with chromium() as browser:
            if options.docs:
                _of_documents(lab, browser, views)
            else:
                _all(lab, browser, options.folder, views)
    finally:
        lab.close()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make pictures", description=__doc__)
    parser.add_argument(
        "folder", nargs="?", type=Path, default=Path(".lab/pictures"), help="default: .lab/pictures"
    )
    parser.add_argument(
        "--docs", action="store_true", help="take those that the documents show, into docs/pictures"
    )
    return parser.parse_args()


def _all(lab: Lab, browser: Browser, folder: Path, views: Mapping[str, str]) -> None:
    for name, scheme in product(_SIZES, _SCHEMES):
        width, height = _SIZES[name]
        page = browser.new_page(
            color_scheme=scheme,
            viewport={"width": width, "height": height},
            device_scale_factor=2,
        )
        camera = _Camera(DashboardPage(lab, page), folder, f"{name}-{scheme}")
        _views(camera, views)
        _answers(camera, views["account"])
        page.close()


def _of_documents(lab: Lab, browser: Browser, views: Mapping[str, str]) -> None:
    """Small ones: whoever clones the project has them too."""
    page = browser.new_page(color_scheme="light", viewport={"width": 1280, "height": 760})
    dashboard = DashboardPage(lab, page)
    page.goto(lab.login_url)
    page.screenshot(path=_DOCS / "login.png")
    page.goto(dashboard.url)
    for view, name in {"overview": "overview", "account-gone": "account"}.items():
        dashboard.open(views[view])
        dashboard.settled()
        page.screenshot(path=_DOCS / f"{name}.png")
    page.close()


def _filled(lab: Lab) -> dict[str, str]:
    """Accounts in every state, events and endpoints; gives the views by name."""
    endpoint = {"url": f"{lab.receiver.hook_url}/crm", "description": "Ticketing"}
    made = lab.host.api("POST", "endpoints", json=endpoint)
    lab.receiver.answer({"status": 503}, path="/hook/crm")
    person, gone = lab.connected(_PERSON), lab.connected(_GONE, "work")
    lab.mail(_PERSON, *five(_PERSON).values())
    lab.check(_PERSON)
    lab.receiver.wait_for(5, _PERSON)
    lab.microsoft.withdraw_consent(_GONE)
    lab.microsoft.expire_access_tokens(_GONE)
    lab.check(_GONE)
    lab.wait_for_account(_GONE, claim="", status="reconnect_required")
    dead_letters.make(lab, _PERSON, made.json()["id"])
    with lab.parts() as parts:
        sample_accounts.write(parts.tables, _ACCOUNTS, instants.now())
    return {
        "overview": "#/",
        "accounts": "#/accounts",
        "account": f"#/accounts/{person}",
        "account-gone": f"#/accounts/{gone}",
        "endpoints": "#/endpoints",
        "endpoint-new": "#/endpoints/new",
        "dead-letters": "#/dead-letters",
        "connect": "#/connect",
    }


def _views(camera: _Camera, views: Mapping[str, str]) -> None:
    camera.page.goto(camera.dashboard.url)
    camera.page.get_by_label("Function key").wait_for()
    camera.shoot("key")
    for view, address in views.items():
        camera.dashboard.open(address)
        camera.dashboard.settled()
        camera.shoot(view)


def _answers(camera: _Camera, account: str) -> None:
    """What comes of pressing something."""
    dashboard = camera.dashboard
    dashboard.open("#/connect")
    dashboard.press("Make the invitation")
    dashboard.told("The invitation is ready.")
    camera.shoot("connect-link")
    dashboard.open("#/endpoints")
    camera.page.get_by_role("button", name="Send a test").first.click()
    camera.page.get_by_text("The test was taken").wait_for()
    camera.shoot("endpoints-test")
    dashboard.press("Rotate secret …")
    camera.shoot("endpoint-rotate", whole=False)
    dashboard.confirm("Cancel")
    dashboard.open(account)
    dashboard.press("Disconnect …")
    camera.shoot("account-disconnect", whole=False)


if __name__ == "__main__":
    main()
