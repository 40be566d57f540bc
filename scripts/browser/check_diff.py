"""The checks of scripts/check-diff: see there."""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from pprof_pages import check_flamegraph, expect_no_errors
from svg_page import check_details, check_search, check_zoom
from webdriver import Browser, Server, wait

GREY = "rgb(222,222,222)"

# What a search marks boxes with.
MARK = "rgb(255,0,90)"

# What tells of every box: its title and its colour.
BOXES = """
    return [...document.getElementById('frames').children].map(box => [
        box.querySelector('title').textContent,
        box.querySelector('rect').getAttribute('fill')]);
"""

# The widest box of a colour, but for the whole.
WIDEST_OF = """
    const boxes = [...document.getElementById('frames').children].filter(box =>
        box.querySelector('rect').getAttribute('fill') === arguments[0]
        && !box.querySelector('title').textContent.startsWith('all ('));
    const width = box => box.querySelector('rect').getBoundingClientRect().width;
    return boxes.sort((a, b) => width(b) - width(a))[0];
"""


def main():
    work, outdir = (pathlib.Path(path) for path in sys.argv[1:])
    diff = work / "diff"
    report = json.loads((diff / "diff.json").read_text())
    check_numbers(report, work)
    with (
        tempfile.TemporaryDirectory(prefix="check-diff-") as home,
        Browser(os.environ["CHROMEDRIVER"], os.environ["CHROMIUM"], home) as browser,
    ):
        try:
            assert check_svg(browser, diff, outdir / "diff-noise") == 0, "noise has a colour"
            for width in ("head", "base"):
                changed = check_svg(browser, work / f"changed-{width}", outdir / f"diff-{width}")
                assert changed, f"changed-{width} has no colour"
            env = {**os.environ, "XDG_CONFIG_HOME": home, "PPROF_TMPDIR": home}
            command = [os.environ["PPROF"], "-http=127.0.0.1:", "-no_browser"]
            command.append(str(diff / "diff.pb.gz"))
            with Server(command, r"Serving web UI on (http://\S+)", env) as pprof:
                check_flamegraph(browser, pprof.address, [], outdir / "diff-noise")
                said = pprof.output().splitlines()
                said = [line for line in said if not line.startswith("Serving web UI")]
                assert not said, f"pprof complains: {said}"
        except AssertionError as failure:
            raise AssertionError("\n".join([str(failure), *browser.console_errors()])) from None


def check_numbers(report, work):
    """Both of pprof's tables against the JSON."""
    ours = {
        (row["name"], row.get("file", "")): tuple(
            round(row[kind]["head_weight"] - row[kind]["base_weight"]) for kind in ("self", "total")
        )
        for row in report["functions"]
    }
    assert len(ours) == len(report["functions"]), "functions that nothing tells apart"
    base, head = work / "base.pb.gz", work / "head.pb.gz"
    joined = several_rows(ours, [base], [head])
    totals = []
    for what, arguments in {
        "-diff_base": ["-diff_base", base, head],
        "the difference": [work / "diff/diff.pb.gz"],
    }.items():
        total, rows = top(ours, arguments)
        totals.append(total)
        theirs = {key: tuple(map(sum, zip(*of.values()))) for key, of in rows.items()}
        for key, names in joined.items() if what == "-diff_base" else ():
            theirs[key] = (theirs.get(key, (0, 0))[0], below(names, head) - below(names, base))
        differences = [
            f"{name}: pprof has {theirs.get(name)}, the JSON {change}"
            for name, change in ours.items()
            # pprof leaves out what is nothing in both ways.
            if theirs.get(name, (0, 0)) != change
        ]
        assert not differences, "\n".join([what, *differences])
        changed = sum(change != (0, 0) for change in ours.values())
        print(
            f"check-diff: {what}: self and total of all {len(ours)} functions of the JSON are the same,"
            f" {changed} of them differ from nothing"
        )
    print(f"check-diff: {len(joined)} functions have several names or files in pprof's table")
    assert len(set(totals)) == 1, f"percentages are of different totals: {totals}"
    assert int(totals[0]) == round(report["base"]["weight"]), f"percentages are of {totals[0]}"
    print(f"check-diff: percentages are of {totals[0]} ns, what was before, in both")


def several_rows(ours, *sides):
    """The functions that have several rows in pprof's table of either side, and the names of those: what the
    comparison takes for one function is there once for each file and each copy."""
    names = {}
    for side in sides:
        for key, rows in top(ours, side)[1].items():
            names.setdefault(key, set()).update(rows)
    return {key: rows for key, rows in names.items() if len(rows) > 1}


def below(rows, profile):
    """The weight of all stacks with any of these names, each stack once, though one may have several."""
    names = {re.sub(r" \S*[/.]\S*$", "", row) for row in rows}
    focus = "|".join(re.sub(r"[^A-Za-z0-9_: ]", r"\\\g<0>", name) for name in sorted(names))
    try:
        return sum(own for own, _, _ in table(f"-focus=^({focus})$", profile)[1])
    except AssertionError as failure:
        if "matched no samples" not in str(failure):
            raise
        return 0


def pprof(*arguments):
    command = [os.environ["PPROF"], "-top", "-unit=ns", "-symbolize=none", "-nodecount=1000000"]
    command += ["-nodefraction=0", "-edgefraction=0", "-filefunctions", *map(str, arguments)]
    with tempfile.TemporaryDirectory() as home:
        env = {**os.environ, "XDG_CONFIG_HOME": home, "PPROF_TMPDIR": home}
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=env)
    assert done.returncode == 0 and not done.stderr, f"pprof complains: {done.stderr}"
    return done.stdout


def top(known, arguments):
    """The total, and by function of `known` the rows of it: by name what it weighs by itself and in total."""
    total, lines = table(*arguments)
    rows = {}
    for own, below, name in lines:
        rows.setdefault(function(known, name), {})[name] = (own, below)
    return total, rows


def table(*arguments):
    """The total, and the rows: weight by itself, in total, name with file."""
    text = pprof(*arguments)
    rows = []
    for line in text.splitlines():
        row = re.fullmatch(r"\s*(-?\d+)(?:ns)?\s+\S+%\s+\S+%\s+(-?\d+)(?:ns)?\s+\S+%\s+(.*)", line)
        if row:
            name = re.sub(r" \((partial-)?inline\)$", "", row[3])
            rows.append((int(row[1]), int(row[2]), name))
    assert rows, "pprof shows no function"
    return re.search(r"of (\d+)ns total", text)[1], rows


def function(known, text):
    """Which function pprof's `NAME FILE` is: without ABI tags, the numbers of lambdas
    and what compilers append to copies, and by file if
    there are several of a name."""
    name = re.sub(r"\[abi:\w+\]", "", text)
    name = re.sub(r"\{lambda[^{}]*\}|\$_\d+", "{lambda}", name)
    name = re.sub(r"(\.(isra|part|constprop|cold)(\.\d+)?)+(?= |$)", "", name)
    # Also within a name that could not be demangled.
    name = name.replace("_GLOBAL__N_1", "(anonymous namespace)")
    head, _, file = name.rpartition(" ")
    for key in ((name, ""), (head, os.path.basename(file)), (head, "")):
        if key in known:
            return key
    raise AssertionError(f"the JSON has no {text}")


def check_svg(browser, diff, outdir):
    """How many boxes have a colour."""
    outdir.mkdir(exist_ok=True)
    report = json.loads((diff / "diff.json").read_text())
    open_svg(browser, diff / "diff.svg")
    legend = browser.run("return document.getElementById('subtitle').textContent")
    for word in ("dearer", "cheaper", "no significant change"):
        assert word in legend, f"the legend lacks {word}: {legend!r}"
    squares = browser.run(
        "return [...document.querySelectorAll('#subtitle tspan')].map(s => s.getAttribute('fill'));"
    )
    assert len(set(squares)) == len(squares) == 7, f"the legend has these colours: {squares}"
    visible = browser.run(
        "const box = document.getElementById('subtitle').getBoundingClientRect();"
        " return [box.left, box.right, box.top, box.bottom, innerWidth, innerHeight];"
    )
    left, right, above, below, width, height = visible
    assert 0 <= left < right <= width and 0 <= above < below <= height, f"the legend is at {visible}"
    boxes = browser.run(BOXES)
    unknown = {color for _, color in boxes} - set(squares)
    assert not unknown, f"colours that the legend does not explain: {unknown}"
    changes = {}
    for row in report["functions"]:
        changes.setdefault(row["name"], []).append(row["total"])
    colored = check_boxes(boxes, changes, squares)
    dearest = browser.run(WIDEST_OF, squares[2])
    if dearest:
        browser.hover(dearest)
    browser.screenshot(outdir / "diff.png")
    for color in {color for _, color in boxes}:
        box = browser.run(WIDEST_OF, color)
        title = browser.run("return arguments[0].querySelector('title').textContent", box)
        function = re.sub(r" \([^(]*$", "", title)
        check_details(browser, box, function)
        check_zoom(browser, box, function, outdir)
        check_search(browser, box, function, outdir, MARK)
    expect_no_errors(browser, "diff.svg")
    for side in ("base", "head"):
        open_svg(browser, diff / f"{side}.svg")
        shown = browser.run("return document.getElementById('frames').getAttribute('total_samples')")
        weight = round(report[side]["weight"])
        assert int(shown) == weight, f"{side}.svg has {shown}, the JSON {weight}"
        browser.screenshot(outdir / f"{side}.png")
        expect_no_errors(browser, f"{side}.svg")
    print(
        f"check-diff: {len(boxes)} boxes, {colored} of them coloured, all as the JSON says;"
        " search, zoom and reset work"
    )
    return colored


def check_boxes(boxes, changes, squares):
    """Each box says what the JSON says of its function, and has the colour of its own change, or none
    without a call. How many have one."""
    dearer, cheaper = squares[:3], squares[3:6]
    colored = 0
    for title, color in boxes:
        function = re.sub(r" \([^(]*$", "", title)
        here, _, everywhere = title.partition(";\neverywhere: ")
        assert everywhere or function == "all", f"a title without its function's change: {title!r}"
        of = [change for change in changes.get(function, []) if everywhere == shown(change) + ")"]
        assert of or not everywhere, f"{title!r}, the JSON: {changes.get(function)}"
        change = re.search(r"; ([+-][\d.]+) pp\)?$", here)
        assert change, f"a title without a change: {title!r}"
        if color != GREY:
            colored += 1
            up = color in dearer
            assert up or color in cheaper, f"{title}: {color}"
            assert of[0]["call"] == ("regressed" if up else "improved"), f"{title}: {color}"
            points = float(change[1])
            assert (points >= 0) if up else (points <= 0), f"{title}: {color}"
            shade = (dearer if up else cheaper).index(color)
            low, high = [(0, 1), (1, 3), (3, 100)][shade]
            assert low - 0.005 <= abs(points) <= high + 0.005, f"{title}: {color}"
    return colored


def shown(change):
    """A change of the JSON as a box tells of it."""
    call = {"regressed": "dearer", "improved": "cheaper", "same": "no significant change"}
    # In per cent points, and no minus at a zero.
    points = [
        f"{0 if abs(value) < 0.00005 else value * 100:+.2f}"
        for value in (change["difference"], *change["interval"])
    ]
    return (
        f"before {change['base'] * 100:.2f}%; now {change['head'] * 100:.2f}%;"
        f" {points[0]} pp [{points[1]}, {points[2]}]: {call[change['call']]}"
    )


def open_svg(browser, path):
    browser.open(path.resolve().as_uri())
    # The script of the page makes it as wide as the window when it is ready.
    wait(lambda: browser.run("return !document.documentElement.hasAttribute('viewBox')"), "the SVG")


if __name__ == "__main__":
    try:
        main()
    except AssertionError as failure:
        sys.exit(f"check-diff: {failure}")
