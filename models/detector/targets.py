"""What each anchor of a picture should say.

Targets are N×5 float32: the codes of the plate that the anchor stands for, then one of the kinds below.
"""

import numpy as np
from numpy.typing import NDArray

from models.detector.anchors import corners, encode

Floats = NDArray[np.float32]

PLATE, BACKGROUND, IGNORED = 1.0, 0.0, -1.0
DOUBTFUL = -2.0  # background, unless the network is sure of a plate: not all plates of the picture are labelled

LEAST_IOU = 0.5  # with a plate, of an anchor that stands for it
NEAR_BEST = 0.88  # or this share of the best that any anchor has with the plate: small ones lie between the anchors
LEAST_BEST = 0.2  # what is left of a plate at an edge may fit no anchor: its codes would drown all others
BACKGROUND_IOU = 0.4
IGNORED_SHARE = 0.5  # of an anchor inside an ignored box


def targets(plates: Floats, ignored: Floats, anchors: Floats, *, is_complete: bool) -> Floats:
    """N×5 for the M×4 boxes (ymin, xmin, ymax, xmax in shares) of a picture; `is_complete`: it has no other plates."""
    made = np.zeros((len(anchors), 5), np.float32)
    made[:, 4] = BACKGROUND if is_complete else DOUBTFUL
    boxes = np.ascontiguousarray(corners(anchors).T)
    areas = anchors[:, 2] * anchors[:, 3]
    for box in ignored:
        made[_overlap(boxes, box) > IGNORED_SHARE * areas, 4] = IGNORED
    best = np.zeros(len(anchors), np.float32)
    for plate in plates:
        both = _overlap(boxes, plate)
        iou = both / (areas + (plate[2] - plate[0]) * (plate[3] - plate[1]) - both)
        nearer = iou > best
        best[nearer] = iou[nearer]
        stands = nearer & (iou >= min(LEAST_IOU, max(NEAR_BEST * iou.max(), LEAST_BEST)))
        made[nearer & (iou > BACKGROUND_IOU) & (made[:, 4] != PLATE), 4] = IGNORED
        made[stands, :4] = encode(np.broadcast_to(plate, (int(stands.sum()), 4)), anchors[stands])
        made[stands, 4] = PLATE
    return made


def _overlap(boxes: Floats, box: Floats) -> Floats:
    """The area that each of the boxes (4×N) has in common with one."""
    high = np.minimum(boxes[2], box[2]) - np.maximum(boxes[0], box[0])
    wide = np.minimum(boxes[3], box[3]) - np.maximum(boxes[1], box[1])
    return np.maximum(high, 0) * np.maximum(wide, 0)
