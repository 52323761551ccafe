"""The packages that only evaluation needs."""

import importlib
from types import ModuleType

from anpr.errors import BadInput


def needed(module: str) -> ModuleType:
    """A module of the extra `train`; BadInput says how to install it where it is missing."""
    try:
        return importlib.import_module(module)
    except ImportError as exc:
        name = module.partition(".")[0]
        raise BadInput(f"{name} is not installed; in this project's directory: pip install '.[train]'") from exc
