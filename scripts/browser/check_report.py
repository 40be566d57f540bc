"""The checks of scripts/check-report: see there."""

import base64
import json
import os
import pathlib
import re
import sys
import tempfile

from webdriver import Browser, wait

# No larger, so that it can be attached to a ticket.
LARGEST = 5_000_000


def main():
    work, outdir = (pathlib.Path(path) for path in sys.argv[1:])
    with (
        tempfile.TemporaryDirectory(prefix="check-report-") as home,
        Browser(os.environ["CHROMEDRIVER"], os.environ["CHROMIUM"], home) as browser,
    ):
        browser.call("POST", "/window/rect", {"width": 1280, "height": 1000})
        try:
            check_timeline(browser, work, outdir)
            for name in ("report", "profile", "recording"):
                if (work / f"{name}.html").exists():
                    check_page(browser, work / f"{name}.html", outdir, has_heat=name != "profile")
        except AssertionError as failure:
            raise AssertionError("\n".join([str(failure), *browser.console_errors()])) from None


def check_timeline(browser, work, outdir):
    browser.open((work / "timeline.svg").resolve().as_uri())
    browser.screenshot(outdir / "timeline.png")
    cells = browser.run("return document.querySelectorAll('.hm-cells rect, .hm-cells circle').length")
    assert cells > 200, f"the heat map has {cells} cells"
    names = browser.run("return [...document.querySelectorAll('.hm-name')].map(name => name.textContent)")
    assert any("all threads" in name for name in names), names
    assert sum("wrk:worker_" in name for name in names) == 2, names
    cell = browser.run("return document.querySelectorAll('.hm-cells:not(.hm-bands) rect')[40]")
    told = browser.run("return arguments[0].querySelector('title').textContent", cell)
    browser.hover(cell)
    details = "return document.getElementById('hm-details').textContent"
    wait(lambda: browser.run(details) == told, f"the details of {told!r}")
    browser.click(cell)
    begin, end = re.match(r"([\d.]+)-([\d.]+) s", told).groups()
    wait(lambda: browser.run(details).startswith(f"--time {begin},{end}"), "the option of a click")
    browser.screenshot(outdir / "timeline-clicked.png")
    wide = browser.run(
        "const page = document.documentElement.viewBox.baseVal.width;"
        "return [...document.querySelectorAll('text')].filter(text => {"
        "  const box = text.getBBox(); return box.x < 0 || box.x + box.width > page; }).map(t => t.textContent)"
    )
    assert not wide, f"texts that do not fit in: {wide}"
    errors = browser.console_errors()
    assert not errors, errors
    print(f"check-report: the timeline's {cells} cells tell of themselves, and a click shows {told!r} as --time {begin},{end}")


def check_page(browser, path, outdir, has_heat):
    size = path.stat().st_size
    assert size < LARGEST, f"{path.name} has {size} bytes"
    text = path.read_text()
    fetched = re.findall(r"<(?:link|img|script|iframe|object)[^>]*\s(?:src|href|data)=", text)
    assert not fetched and "@import" not in text, fetched
    browser.open(path.resolve().as_uri())
    # Tall enough for the README: summary, tables, heat map.
    browser.call("POST", "/window/rect", {"width": 1280, "height": 2080})
    browser.screenshot(outdir / f"{path.stem}.png")
    browser.call("POST", "/window/rect", {"width": 1280, "height": 1000})
    asked = browser.run("return performance.getEntriesByType('resource').map(entry => entry.name)")
    assert not asked, f"the page asks for {asked}"
    sections = browser.run("return [...document.querySelectorAll('main section')].map(section => section.id)")
    expected = ["summary", "where", "workers", "when", "functions", "flamegraph", "made"]
    assert sections == [name for name in expected if has_heat or name != "when"], sections
    links = browser.run("return [...document.querySelectorAll('nav a')].filter(a => !document.querySelector(a.hash)).length")
    assert links == 0, f"{links} links lead nowhere"
    check_axe(browser, path.name)
    check_flamegraph(browser, path.stem, outdir)
    check_print(browser, path.stem, outdir)
    check_without_script(browser, path)
    errors = browser.console_errors()
    assert not errors, errors
    print(f"check-report: {path.name}: {size} bytes, {len(sections)} sections, nothing fetched, used without an error")


def check_axe(browser, name):
    browser.run(pathlib.Path(os.environ["AXE"]).read_text())
    browser.run("axe.run(document, {iframes: false}).then(found => { window.axeFound = found; })")
    found = wait(lambda: browser.run("return window.axeFound && JSON.stringify(window.axeFound.violations)"), "axe")
    violations = json.loads(found)
    serious = [row for row in violations if row["impact"] in ("serious", "critical")]
    told = [f"{row['id']}: {row['help']}: {row['nodes'][0]['html'][:200]}" for row in serious]
    assert not serious, "axe: " + "\n".join(told)
    lesser = ", ".join(row["id"] for row in violations) or "none"
    passes = browser.run("return window.axeFound.passes.length")
    version = browser.run("return axe.version")
    print(f"check-report: {name}: axe-core {version}: {passes} rules pass, none is broken seriously; lesser ones: {lesser}")


def check_flamegraph(browser, stem, outdir):
    frame = browser.run("return document.querySelector('iframe')")
    browser.run("arguments[0].scrollIntoView()", frame)
    browser.call("POST", "/frame", {"id": frame})
    try:
        wait(lambda: browser.run("return !document.querySelector('svg').hasAttribute('viewBox')"), "the flame graph")
        box = browser.run(
            "const boxes = [...document.getElementById('frames').children];"
            "const width = box => box.querySelector('rect').getBoundingClientRect().width;"
            "const widest = Math.max(...boxes.map(width));"
            "return boxes.filter(box => width(box) < 0.8 * widest).sort((a, b) => width(b) - width(a))[0];"
        )
        title = browser.run("return arguments[0].querySelector('title').textContent", box)
        width = "return arguments[0].querySelector('rect').getAttribute('width')"
        before = browser.run(width, box)
        browser.click(box)
        wait(lambda: browser.run(width, box) == "100.0000%", f"{title} to fill the width")
        browser.click(browser.run("return document.getElementById('unzoom')"))
        wait(lambda: browser.run(width, box) == before, f"{title} to be as before")
        browser.click(browser.run("return document.getElementById('search')"))
        browser.answer_prompt("kernel|net|tcp")
        shown = "return document.getElementById('matched').textContent"
        wait(lambda: browser.run(shown).startswith("Matched: "), "the search")
        browser.screenshot(outdir / f"{stem}-flamegraph.png")
    finally:
        browser.call("POST", "/frame", {"id": None})


def check_print(browser, stem, outdir):
    pdf = base64.b64decode(browser.call("POST", "/print", {"background": True}))
    (outdir / f"{stem}.pdf").write_bytes(pdf)
    pages = len(re.findall(rb"/Type\s*/Page[^s]", pdf))
    assert 2 <= pages <= 20, f"printed, the page has {pages} pages"
    print(f"check-report: {stem}: {pages} pages on paper")


def check_without_script(browser, path):
    """All but the flame graph is in the file as it is, in text."""
    shown = browser.run("return document.querySelector('main').innerText")
    source = path.read_text()
    for words in ("Where in Envoy", "Functions by the weight", "perf2pprof report"):
        assert words in shown and words in source, words
    scripts = browser.run("return document.querySelectorAll('script').length")
    assert scripts == 0, f"{scripts} scripts outside of the flame graph"


if __name__ == "__main__":
    try:
        main()
    except AssertionError as failure:
        sys.exit(f"check-report: {failure}")
