"""A picture of a page: photograph.py PAGE PNG WIDTH HEIGHT."""

import os
import pathlib
import sys
import tempfile

from webdriver import Browser

page, png, width, height = sys.argv[1:]
with (
    tempfile.TemporaryDirectory(prefix="photograph-") as home,
    Browser(os.environ["CHROMEDRIVER"], os.environ["CHROMIUM"], home) as browser,
):
    # A headless window has a frame, too, which is part of its size.
    browser.call("POST", "/window/rect", {"width": int(width), "height": int(height)})
    browser.open(pathlib.Path(page).resolve().as_uri())
    browser.screenshot(png)
