"""The checks of scripts/check-lens that need pprof or a browser: see there."""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from pprof_pages import check_flamegraph, details_of
from svg_page import check_svg
from webdriver import Browser, Server


def main():
    work, outdir = (pathlib.Path(path) for path in sys.argv[1:])
    outdir.mkdir(parents=True, exist_ok=True)
    lens = json.loads((work / "lens.json").read_text())
    profile = work / "lens.pb.gz"
    check_labels(lens, profile)
    with (
        tempfile.TemporaryDirectory(prefix="check-lens-") as home,
        Browser(os.environ["CHROMEDRIVER"], os.environ["CHROMIUM"], home) as browser,
    ):
        try:
            env = {**os.environ, "XDG_CONFIG_HOME": home, "PPROF_TMPDIR": home}
            command = [os.environ["PPROF"], "-http=127.0.0.1:", "-no_browser", "-tagroot=subsystem,filter"]
            pages = outdir / "lens-pprof"
            pages.mkdir(exist_ok=True)
            with Server([*command, str(profile)], r"Serving web UI on (http://\S+)", env) as pprof:
                roots = ["http.filter", "compressor", "json_redact"]
                total = check_flamegraph(browser, pprof.address, roots, pages)
                shown = details_of(browser, "http.filter")
                share = next(row["share"] for row in lens["subsystems"] if row["name"] == "http.filter")
                percent = float(re.search(r"([\d.]+)%", shown)[1])
                assert abs(percent - share * 100) < 0.1, f"pprof's page says {shown!r}, the table {share:.2%}"
            assert total == lens["weight"], f"{total} and {lens['weight']}"
            for name, functions in {
                "rollup": ["http.filter", "json_redact"],
                "subsystems": ["Edge::Http::FilterManager::decodeHeaders"],
            }.items():
                directory = outdir / f"lens-{name}"
                directory.mkdir(exist_ok=True)
                url = (work / f"{name}.svg").resolve().as_uri()
                browser.open(url)
                legend = browser.run("return document.getElementById('subtitle').textContent")
                assert "http.filter" in legend and "none, or not known" in legend, legend
                width = browser.run("return document.getElementById('subtitle').getBBox().width")
                assert width <= 1200, f"the legend is {width} pixels wide"
                check_svg_boxes(browser, url, functions, total, directory)
        except AssertionError as failure:
            raise AssertionError("\n".join([str(failure), *browser.console_errors()])) from None
    print(f"check-lens: pprof's -tagroot and -tagfocus, its page and both flame graphs weigh what the table says: {total}")


def check_svg_boxes(browser, url, functions, total, directory):
    # A search marks in the red of our own pictures.
    import svg_page

    original = svg_page.check_search
    svg_page.check_search = lambda *args: original(*args, mark="rgb(255,0,90)")
    try:
        check_svg(browser, url, functions, total, directory)
    finally:
        svg_page.check_search = original


def check_labels(lens, profile):
    """What samples of each label weigh, to pprof and in the table."""
    top = pprof("-cum", "-tagroot=subsystem", str(profile))
    rows = {name: cum for cum, name in re.findall(r"^\s*\S+\s+\S+\s+\S+\s+(\d+)ns\s+\S+\s+(.*)$", top, re.M)}
    for row in lens["subsystems"]:
        assert int(rows[row["name"]]) == row["weight"], f"-tagroot: {row}, {rows[row['name']]}"
    for key, parts in {"subsystem": "subsystems", "work": "works", "filter": "filters"}.items():
        for part in lens[parts]:
            top = pprof(f"-tagfocus={key}=^{re.escape(part['name'])}$", str(profile))
            shown = re.search(r"accounting for (\d+)ns", top)
            assert shown and int(shown[1]) == part["weight"], f"-tagfocus {key}: {part}, {shown and shown[0]}"
    print("check-lens: the Go pprof gives each subsystem, work and filter the weight that the table does")


def pprof(*arguments):
    command = [os.environ["PPROF"], "-top", "-unit=ns", "-symbolize=none", "-nodecount=1000000"]
    command += ["-nodefraction=0", "-edgefraction=0", *arguments]
    with tempfile.TemporaryDirectory() as home:
        env = {**os.environ, "XDG_CONFIG_HOME": home, "PPROF_TMPDIR": home}
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=env)
    assert done.returncode == 0 and not done.stderr, f"pprof complains: {done.stderr}"
    return done.stdout


if __name__ == "__main__":
    try:
        main()
    except AssertionError as failure:
        sys.exit(f"check-lens: {failure}")
