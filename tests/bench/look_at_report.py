"""Take pictures of pages in headless Chromium, at the widths of a phone and of a desk, in light and dark.

    apt-get install chromium
    gaedist score checkpoints/*.npy --report report.html
    python tests/bench/look_at_report.py report.html folder

Writes folder/report-400-light.png and so on, for a person to look at, and exits with 1 if a page asked for
anything outside itself, had an error in its script, or was wider than the window.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from shutil import which

WIDTHS, HEIGHT = (400, 1400), 3000
PROBE = """<script>
const wide = document.documentElement.scrollWidth > window.innerWidth ? "too wide" : "fits";
const asked = performance.getEntriesByType("resource").length;
const head = document.querySelectorAll("th")[1];
if (head) { head.click(); head.click(); }
document.title = `${wide}, ${asked} asked for, sorted ${head ? head.ariaSort : "nothing"}`;
</script>"""


def chromium(*arguments):
    """Run headless Chromium, and return its standard output and the errors of pages."""
    found = next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := which(name))), None
    )
    if found is None:
        sys.exit("Chromium is not installed: apt-get install chromium")
    settings = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        "--enable-logging=stderr",
    ]
    with tempfile.TemporaryDirectory() as profile:
        command = [found, *settings, "--enable-logging=stderr", f"--user-data-dir={profile}", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    return done.stdout, re.findall(r"CONSOLE.*", done.stderr)


def look(page, folder):
    """Take the pictures of a page; return what is wrong with it."""
    wrong = []
    for width in WIDTHS:
        for scheme in ("light", "dark"):
            picture = folder / f"{page.stem}-{width}-{scheme}.png"
            dark = ["--blink-settings=preferredColorScheme=0"] if scheme == "dark" else []
            _, errors = chromium(
                *dark, f"--window-size={width},{HEIGHT}", f"--screenshot={picture}", page.resolve().as_uri()
            )
            wrong += errors
            print(picture)
        with tempfile.NamedTemporaryFile("w", suffix=".html", encoding="utf-8") as probe:
            probe.write(page.read_text(encoding="utf-8").replace("</body>", f"{PROBE}</body>"))
            probe.flush()
            out, errors = chromium(f"--window-size={width},{HEIGHT}", "--dump-dom", Path(probe.name).as_uri())
        title = re.search(r"<title>(.*?)</title>", out)
        print(f"  {width} pixels: {title[1] if title else 'no title'}")
        if not title or not title[1].startswith("fits, 0 asked for, sorted desc"):
            wrong.append(f"{width} pixels: {title and title[1]}")
        wrong += errors
    return wrong


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("page", type=Path)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    problems = look(given.page, given.folder)
    print("\n".join(problems) or "nothing wrong")
    sys.exit(bool(problems))
