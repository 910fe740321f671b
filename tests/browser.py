"""A page in a real browser, without a window: what it shows, and what its console says."""

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_chromium = pytest.mark.skipif(
    not CHROMIUM, reason="needs Chromium (apt-get install chromium)"
)

QUIET = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
QUIET += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
QUIET += ["--disable-extensions", "--hide-scrollbars", "--enable-logging=stderr"]

# Asked of the page itself, once all of it is there.
PROBE = """
<script>addEventListener("load", () => {
  const all = (selector, of = document) => [...of.querySelectorAll(selector)];
  parent.postMessage({
    width: document.documentElement.clientWidth,
    overflow: document.documentElement.scrollWidth,
    height: document.documentElement.scrollHeight,
    images: all("img").map(i => [i.alt, i.complete && i.naturalWidth > 0]),
    anchors: all('a[href^="#"]').map(a => [a.hash, !!document.getElementById(a.hash.slice(1))]),
    links: all('a:not([href^="#"])').map(a => [a.getAttribute("href"), a.textContent.trim()]),
    headings: all("h1, h2, h3, h4").map(h => Number(h.tagName[1])),
    tables: all("table").map(t => [t.caption.textContent.trim(),
      all("tr", t).map(r => all("th, td", r).map(c => c.innerText.trim()))]),
    requests: performance.getEntriesByType("resource").map(r => r.name),
  }, "*");
});</script>
"""
# A window has a least width, a frame has none.
FRAME = """<!DOCTYPE html><style>body {{ margin: 0 }} iframe {{ border: 0 }}</style>
<script>addEventListener("message", event => {{
  document.documentElement.dataset.found = JSON.stringify(event.data);
}});</script>
<iframe src="{source}" width="{width}" height="{height}"></iframe>
"""


def look(page: Path, width: int, picture: Path, dark: bool = False) -> tuple[dict, list[str]]:
    """Open a page at a width, and keep a picture of it.

    Returns
    -------
    found : dict
        What the page says of itself, see `PROBE`.
    console : list of str
        What the browser's console says.
    """
    probe, frame = (page.with_name(f"{name}-{page.name}") for name in ("probe", "frame"))
    probe.write_text(page.read_text(encoding="utf-8").replace("</body>", f"{PROBE}</body>"))
    profile = picture.with_name(f"{picture.stem}-profile")
    flags = [*QUIET, f"--user-data-dir={profile}", f"--window-size={max(width, 500)},1400"]
    flags += ["--blink-settings=preferredColorScheme=0"] if dark else []
    frame.write_text(FRAME.format(source=probe.name, width=width, height=1400))
    try:
        dumped = _run([*flags, "--dump-dom", frame.as_uri()])
        said = re.search(r'data-found="([^"]*)"', dumped.stdout)
        assert said, dumped.stderr[-2000:]
        found = json.loads(unescape(said[1]))
        height = min(found["height"], 15000)
        frame.write_text(FRAME.format(source=probe.name, width=width, height=height))
        size = f"--window-size={max(width, 500)},{height}"
        _run([*flags, size, f"--screenshot={picture}", frame.as_uri()])
    finally:
        for path in (probe, frame):
            path.unlink()
        shutil.rmtree(profile, ignore_errors=True)
    return found, [line for line in dumped.stderr.splitlines() if "CONSOLE" in line]


def _run(flags: list[str]) -> subprocess.CompletedProcess:
    return subprocess.run(
        [CHROMIUM, *flags], capture_output=True, text=True, timeout=180, check=True
    )
