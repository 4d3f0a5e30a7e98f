"""Takes the pictures of docs/forms.md, in the system's own font: `python -m docs.pictures.forms`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from docs.examples.form.make import HERE as EXAMPLE
from inkdigit.forms.job import FormJob
from tests.conftest import CHROMIUM

HERE = Path(__file__).parent
PICTURES = [EXAMPLE / "filled.jpg", EXAMPLE / "hasty.jpg"]

with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
    page = Path(folder) / "review.html"
    FormJob(EXAMPLE / "form.toml", PICTURES, Path(folder) / "answers.csv", page).work(print, print)
    # Without its folder, as the documentation's command names the pictures.
    page.write_text(page.read_text(encoding="utf-8").replace(f"{EXAMPLE}/", ""), encoding="utf-8")
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
    for scheme in ("light", "dark"):
        view = browser.new_context(
            viewport={"width": 860, "height": 620}, color_scheme=scheme, device_scale_factor=1.5
        ).new_page()
        view.goto(page.as_uri())
        if scheme == "dark":
            view.get_by_role("button", name="Right").first.click()
        file = HERE / f"forms-review-{scheme}.png"
        view.screenshot(path=file)
        Image.open(file).convert("RGB").quantize(128).save(file, optimize=True)
        print(f"{file}: {file.stat().st_size / 1000:.0f} kB")
