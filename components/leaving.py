"""Signing out from a page."""

from components.browser_part import browser_part
from components.identity import SIGN_OUT


def sign_out() -> None:
    """The browser posts the sign-out form, so that no link of another site can do it."""
    browser_part("leaving")(key="leaving", data={"action": SIGN_OUT})
