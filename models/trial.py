"""`python -m models.trial STAGE FILE TILES`: load a detector or a reader and run it once, or say why that fails.

It is a program of its own because some damaged files end the process that loads them.
"""

import sys
from pathlib import Path

import numpy as np

from anpr.errors import BadInput


def main() -> None:
    stage, model, tiles = sys.argv[1:]
    try:
        if stage == "detect":
            from models.detector.inference import Detector  # noqa: PLC0415 (loads the runtime)

            Detector.load(Path(model), tiles=tiles or None).detect(np.zeros((480, 640, 3), np.uint8))
        else:
            from models.reader import load_reader  # noqa: PLC0415 (loads the runtime)

            load_reader("tflite", path=Path(model)).read([np.zeros((48, 192, 3), np.uint8)])
    except BadInput as exc:
        sys.exit(str(exc))


if __name__ == "__main__":
    main()
