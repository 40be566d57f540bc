"""The pages of the Go pprof: flame graph, graph, source."""

import re
import urllib.parse

from webdriver import wait


def check_flamegraph(browser, pprof, functions, outdir):
    """Returns the total that the page works with."""
    browser.open(f"{pprof}/ui/flamegraph")
    wait(lambda: browser.run("return document.querySelectorAll('.boxbg').length > 1"), "boxes")
    browser.screenshot(outdir / "pprof-flamegraph.png")
    for function in functions:
        shown = details_of(browser, function)
        assert "%" in shown, f"pprof's flame graph gives {function} no share: {shown!r}"
    if functions:
        browser.screenshot(outdir / "pprof-flamegraph-details.png")
    total = browser.run(
        """
        const code = [...document.scripts].map(script => script.textContent).join('');
        return code.match(/stackViewer\\({"Total":(\\d+)/)[1];
        """
    )
    expect_no_errors(browser, "pprof's flame graph")
    return int(total)


def details_of(browser, function):
    """What pprof says of a function to who points at its box: the whole name, and its share."""
    # A box shows as much of the end of its name as fits, so that several may be the one.
    boxes = browser.run(
        """
        const fits = text => text.length > 2
            && (arguments[0].endsWith(text) || text.includes(arguments[0]));
        return [...document.querySelectorAll('.boxbg')].filter(box => fits(box.textContent))
            .sort((a, b) => b.offsetWidth - a.offsetWidth);
        """,
        function,
    )
    for box in boxes:
        browser.hover(box)
        shown = browser.run("return document.getElementById('current-details').innerText")
        if function in shown:
            return shown
    raise AssertionError(f"pprof's flame graph has no box {function}")


def check_graph(browser, pprof, functions, outdir):
    open_graph(browser, f"{pprof}/ui/")
    browser.screenshot(outdir / "pprof-graph.png")
    for function in functions:
        # The whole graph shows the heaviest nodes: ask for all that the function has to do with.
        open_graph(browser, f"{pprof}/ui/?n=10000&f={quoted(function)}")
        titles = browser.run(
            """
            return [...document.querySelectorAll('svg g.node a')].map(a =>
                a.getAttributeNS('http://www.w3.org/1999/xlink', 'title'));
            """
        )
        found = [title for title in titles if function in title]
        assert found, f"pprof's graph has no node {function}"
    expect_no_errors(browser, "pprof's graph")


def open_graph(browser, url):
    browser.open(url)
    wait(lambda: browser.run("return document.querySelectorAll('svg g.node').length"), "nodes")


def check_source(browser, pprof, function, outdir):
    browser.open(f"{pprof}/ui/source?f={quoted(function)}")
    text = wait(lambda: browser.run("return document.getElementById('content').innerText"), "source")
    browser.screenshot(outdir / "pprof-source.png")
    # Functions whose lines overlap are one section, under the name of one of them. Without the
    # file, the text of a line with a weight is `???`.
    lines = browser.run(
        """
        const name = arguments[0];
        const sections = [...document.querySelectorAll('h2')];
        const sectionOf = line => sections.findLast(h2 =>
            h2.compareDocumentPosition(line) & Node.DOCUMENT_POSITION_FOLLOWING);
        return [...document.querySelectorAll('.livesrc, .deadsrc')].filter(line => {
            const heading = sectionOf(line).innerText;
            return heading === name || name.endsWith('::' + heading);
        }).map(line => line.innerText);
        """,
        function,
    )
    assert lines, f"the source view has no {function}: {text[:500]}"
    unknown = [line for line in lines if "???" in line]
    assert not unknown, f"the source view of {function} finds no source: {unknown}"
    expect_no_errors(browser, "pprof's source view")


def quoted(function):
    """The name as a regular expression in the query of an address."""
    return urllib.parse.quote(re.escape(function), safe="")


def expect_no_errors(browser, page):
    errors = browser.console_errors()
    assert not errors, f"errors on {page}: {errors}"
