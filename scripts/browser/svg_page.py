"""Our own flame graph: zooms, searches, and has the total of the profile."""

from pprof_pages import expect_no_errors
from webdriver import wait

# The widest box of a function, of those that are not hidden.
WIDEST = """
    const boxes = [...document.getElementById('frames').children].filter(box =>
        !box.classList.contains('hide')
        && box.querySelector('title').textContent.startsWith(arguments[0] + ' ('));
    const width = box => box.querySelector('rect').getBoundingClientRect().width;
    return boxes.sort((a, b) => width(b) - width(a))[0];
"""

# The attribute of a box's rectangle.
RECT = "return arguments[0].querySelector('rect').getAttribute(arguments[1]);"


def check_svg(browser, url, functions, total, outdir):
    browser.open(url)
    # The script of the page makes it as wide as the window when it is ready.
    wait(lambda: browser.run("return !document.documentElement.hasAttribute('viewBox')"), "the SVG")
    browser.screenshot(outdir / "flamegraph.png")
    shown = browser.run("return document.getElementById('frames').getAttribute('total_samples')")
    assert int(shown) == total, f"the SVG's total is {shown}, that of pprof is {total}"
    for function in functions or [first_function(browser)]:
        box = browser.run(WIDEST, function)
        assert box, f"the SVG has no box {function}"
        check_details(browser, box, function)
        check_zoom(browser, box, function, outdir)
        check_search(browser, box, function, outdir)
    expect_no_errors(browser, "the SVG")


def first_function(browser):
    """The function of the first box that is drawn."""
    return browser.run(
        """
        const title = document.querySelector('#frames title').textContent;
        return title.replace(/ \\([^(]*\\)$/, '');
        """
    )


def check_details(browser, box, function):
    browser.hover(box)
    details = browser.run("return document.getElementById('details').textContent")
    assert function in details, f"pointing at {function}, the SVG shows {details!r}"


def check_zoom(browser, box, function, outdir):
    before = browser.run(RECT, box, "width")
    browser.click(box)
    wait(lambda: browser.run(RECT, box, "width") == "100.0000%", f"{function} to fill the width")
    browser.screenshot(outdir / "flamegraph-zoomed.png")
    unzoom = browser.run("return document.getElementById('unzoom')")
    browser.click(unzoom)
    wait(lambda: browser.run(RECT, box, "width") == before, f"{function} to be as before")


def check_search(browser, box, function, outdir, mark="rgb(230,0,230)"):
    before = browser.run(RECT, box, "fill")
    button = browser.run("return document.getElementById('search')")
    browser.click(button)
    # The page takes a regular expression.
    browser.answer_prompt("".join(c if c.isalnum() else "\\" + c for c in function))
    wait(lambda: browser.run(RECT, box, "fill") == mark, f"{function} to be marked")
    matched = browser.run("return document.getElementById('matched').textContent")
    assert matched.startswith("Matched: "), f"searching {function}, the SVG shows {matched!r}"
    browser.screenshot(outdir / "flamegraph-search.png")
    browser.click(button)
    wait(lambda: browser.run(RECT, box, "fill") == before, f"{function} to lose its mark")
