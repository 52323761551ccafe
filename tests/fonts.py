"""Fonts for tests that render plates: those that come with matplotlib."""

from importlib.util import find_spec
from pathlib import Path


def some_fonts(directory: Path, *names: str) -> Path:
    """The directory, with fonts that come with matplotlib in it."""
    spec = find_spec("matplotlib")
    assert spec is not None
    assert spec.origin is not None
    for name in names or ("DejaVuSans-Bold", "DejaVuSansMono-Bold"):
        source = Path(spec.origin).parent / "mpl-data/fonts/ttf" / f"{name}.ttf"
        (directory / source.name).write_bytes(source.read_bytes())
    return directory
