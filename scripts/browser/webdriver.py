"""A browser that is driven, with nothing but chromedriver and the standard library.

Speaks the W3C WebDriver protocol, as far as the checks need it. Elements are the opaque objects
that the protocol returns.
"""

import base64
import json
import os
import re
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

# No window, no network but what the page asks for, nothing left of other sessions.
CHROMIUM_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,900",
]


class Server:
    """A process that prints where it serves, ended with all that it started."""

    def __init__(self, command, ready, env=None):
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            command, stdout=self.log, stderr=self.log, env=env, start_new_session=True
        )
        try:
            self.address = wait(lambda: self.find(ready), f"{command[0]} to serve")
        except BaseException:
            self.stop()
            raise

    def find(self, pattern):
        self.log.seek(0)
        output = self.log.read()
        found = re.search(pattern, output)
        if not found and self.process.poll() is not None:
            raise AssertionError(f"{self.process.args[0]} ended: {output}")
        return found and found[1]

    def output(self):
        self.log.seek(0)
        return self.log.read()

    def stop(self):
        # The group is its own: start_new_session made it.
        for how in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, how)
                self.process.wait(10)
            except ProcessLookupError:
                break
            except subprocess.TimeoutExpired:
                continue
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Browser:
    """One window of a Chromium that keeps its data in `home`."""

    def __init__(self, chromedriver, chromium, home):
        self.driver = Server(
            [chromedriver, "--port=0"], r"started successfully on port (\d+)"
        )
        self.base = f"http://127.0.0.1:{self.driver.address}"
        try:
            self.start(chromium, home)
        except BaseException:
            self.driver.stop()
            raise

    def start(self, chromium, home):
        options = {
            "binary": chromium,
            "args": [*CHROMIUM_FLAGS, f"--user-data-dir={home}/chromium"],
        }
        capabilities = {
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL"},
            "unhandledPromptBehavior": "ignore",
        }
        session = self.call("POST", "/session", {"capabilities": {"alwaysMatch": capabilities}})
        self.base += "/session/" + session["sessionId"]

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, method=method)
        request.add_header("Content-Type", "application/json")
        # Whatever proxy the environment names, the driver is on this machine.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            value = json.load(error)["value"]
            raise AssertionError(f"{path}: {value['error']}: {value['message']}") from None

    def open(self, url):
        self.call("POST", "/url", {"url": url})

    def run(self, script, *args):
        """The value of a JavaScript function body."""
        return self.call("POST", "/execute/sync", {"script": script, "args": list(args)})

    def click(self, element):
        (handle,) = element.values()
        self.call("POST", f"/element/{handle}/click", {})

    def hover(self, element):
        move = {"type": "pointerMove", "duration": 0, "origin": element, "x": 0, "y": 0}
        mouse = {"type": "pointer", "id": "mouse", "actions": [move]}
        self.call("POST", "/actions", {"actions": [mouse]})

    def answer_prompt(self, text):
        wait(lambda: self.prompt_is_open(), "the prompt")
        self.call("POST", "/alert/text", {"text": text})
        self.call("POST", "/alert/accept", {})

    def prompt_is_open(self):
        try:
            self.call("GET", "/alert/text")
        except AssertionError:
            return False
        return True

    def screenshot(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.call("GET", "/screenshot")))

    def console_errors(self):
        """What went wrong on the pages since the last call."""
        log = self.call("POST", "/se/log", {"type": "browser"})
        return [entry["message"] for entry in log if entry["level"] == "SEVERE"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.call("DELETE", "")
        finally:
            self.driver.stop()


def wait(condition, what, seconds=30):
    """The first true value of the condition."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"waited {seconds} s for {what}")
