"""The checks of scripts/check-browser: see there."""

import argparse
import os
import pathlib
import sys
import tempfile

from pprof_pages import check_flamegraph, check_graph, check_source
from svg_page import check_svg
from webdriver import Browser, Server


def main():
    parser = argparse.ArgumentParser(prog="check-browser")
    parser.add_argument("profile", type=pathlib.Path)
    parser.add_argument("svg", type=pathlib.Path)
    parser.add_argument("outdir", type=pathlib.Path)
    parser.add_argument("--function", action="append", default=[], dest="functions")
    parser.add_argument("--list")
    parser.add_argument("--source", type=pathlib.Path)
    parser.add_argument("--trim")
    args = parser.parse_args()
    args.outdir.mkdir(parents=True, exist_ok=True)

    with (
        tempfile.TemporaryDirectory(prefix="check-browser-") as home,
        Browser(os.environ["CHROMEDRIVER"], os.environ["CHROMIUM"], home) as browser,
        pprof_server(args, home) as pprof,
    ):
        try:
            total = check_flamegraph(browser, pprof.address, args.functions, args.outdir)
            check_graph(browser, pprof.address, args.functions, args.outdir)
            if args.list:
                check_source(browser, pprof.address, args.list, args.outdir)
            said = pprof.output().splitlines()
            complaints = [line for line in said if not line.startswith("Serving web UI")]
            assert not complaints, f"pprof complains: {complaints}"
            check_svg(browser, args.svg.resolve().as_uri(), args.functions, total, args.outdir)
        except AssertionError as failure:
            # What the page itself complains of is often why.
            raise AssertionError("\n".join([str(failure), *browser.console_errors()])) from None
    print(f"check-browser: total {total}, {len(args.functions)} functions: all there")


def pprof_server(args, home):
    command = [os.environ["PPROF"], "-http=127.0.0.1:", "-no_browser"]
    if args.source:
        command.append(f"-source_path={args.source.resolve()}")
    if args.trim:
        command.append(f"-trim_path={args.trim}")
    # Whoever runs this may have settings of their own, which are not what is checked.
    env = {**os.environ, "XDG_CONFIG_HOME": home, "PPROF_TMPDIR": home}
    return Server([*command, str(args.profile)], r"Serving web UI on (http://\S+)", env)


if __name__ == "__main__":
    try:
        main()
    except AssertionError as failure:
        sys.exit(f"check-browser: {failure}")
