"""Where things lie."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
REAL = ROOT.parent / "shared" / "data" / "real"  # real ink for development, beside some checkouts
