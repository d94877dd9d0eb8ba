"""A reader who has no mouse: what they cannot reach with Tab, or leave again, they cannot use."""

from __future__ import annotations

from playwright.async_api import Locator, Page, expect

_MOST = 300
_FOCUSED = "element => element === document.activeElement"


class Keyboard:
    def __init__(self, page: Page) -> None:
        self._page = page

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self._page.keyboard.press(key)

    async def reach(self, wanted: Locator) -> None:
        """By Tab alone. Fails where Tab never comes there."""
        await expect(wanted).to_be_visible()
        for _ in range(_MOST):
            if await wanted.evaluate(_FOCUSED):
                return
            await self.press("Tab")
        raise AssertionError(f"Tab does not lead to {wanted}")

    async def push(self, wanted: Locator) -> None:
        await self.reach(wanted)
        await self.press("Enter")

    async def write(self, wanted: Locator, text: str) -> None:
        """In place of what stands there."""
        await self.reach(wanted)
        await self.press("ControlOrMeta+a")
        await self._page.keyboard.type(text)
