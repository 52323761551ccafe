"""How wrong the detector is about the targets of a batch."""

from typing import Any

import keras

from models.detector.anchors import SCALES
from models.detector.targets import DOUBTFUL, IGNORED, PLATE

ops: Any = keras.ops  # whose types are those of all backends at once

_SURE = 0.35  # score from which a doubtful background is left alone
_ALPHA, _GAMMA = 0.4, 1.5  # focal loss: weight of plates, how much less easy anchors weigh
_CLASS, _GIOU, _SMOOTH = 2.0, 1.5, 0.15  # weights of the losses


def loss(y_true: Any, y_pred: Any) -> Any:
    """Focal loss over all anchors but the ignored, generalised IoU and smooth L1 over those that stand for plates.

    y_true: B×N×5 targets; y_pred: B×N×5 codes and logit. Per anchor that stands for a plate in the batch.
    Lin et al., "Focal Loss for Dense Object Detection" (2017); Rezatofighi et al., "Generalized IoU" (2019).
    """
    kind, logit = y_true[..., 4], y_pred[..., 4]
    plate = ops.cast(kind == PLATE, "float32")
    number = ops.maximum(ops.sum(plate), 1.0)
    score = ops.sigmoid(logit)
    doubtful = ops.cast((kind == DOUBTFUL) & (score > _SURE), "float32")
    counted = ops.cast(kind != IGNORED, "float32") * (1 - doubtful)
    wrong = ops.where(plate > 0, 1 - score, score)
    weight = ops.where(plate > 0, _ALPHA, 1 - _ALPHA) * ops.power(ops.maximum(wrong, 1e-6), _GAMMA)
    surprise = ops.softplus(ops.where(plate > 0, -logit, logit))
    focal = ops.sum(counted * weight * surprise) / number
    codes, wanted = y_pred[..., :4], y_true[..., :4]
    giou = ops.sum(plate * (1 - _giou(codes, wanted))) / number
    return _CLASS * focal + _GIOU * giou + _SMOOTH * ops.sum(plate * _smooth(codes - wanted)) / number


def imitation(y_true: Any, y_pred: Any) -> Any:
    """How far codes and logits are from another network's, B×N×5 both: where either of them sees a plate.

    Cross entropy of the scores by how far they are apart (Li et al., "Generalized Focal Loss", 2020), the rest as in
    `loss`, by the other's scores.
    """
    wanted = ops.sigmoid(y_true[..., 4])
    logit = y_pred[..., 4]
    number = ops.maximum(ops.sum(wanted), 1.0)
    apart = ops.maximum(ops.abs(wanted - ops.sigmoid(logit)), 1e-6)
    focal = ops.sum(ops.power(apart, _GAMMA) * (ops.softplus(logit) - wanted * logit)) / number
    codes, wanted_codes = y_pred[..., :4], y_true[..., :4]
    giou = ops.sum(wanted * (1 - _giou(codes, wanted_codes))) / number
    return _CLASS * focal + _GIOU * giou + _SMOOTH * ops.sum(wanted * _smooth(codes - wanted_codes)) / number


def _smooth(difference: Any) -> Any:
    off = ops.abs(difference)
    return ops.sum(ops.where(off < 1, 0.5 * off * off, off - 0.5), axis=-1)


def _giou(codes: Any, wanted: Any) -> Any:
    """B×N, −1..1, of the boxes that two arrays of codes stand for: in units of the anchor, which change nothing."""
    (top, left, bottom, right), area = _edges(codes)
    (top2, left2, bottom2, right2), area2 = _edges(wanted)
    high = ops.maximum(ops.minimum(bottom, bottom2) - ops.maximum(top, top2), 0.0)
    wide = ops.maximum(ops.minimum(right, right2) - ops.maximum(left, left2), 0.0)
    union = area + area2 - high * wide
    hull = (ops.maximum(bottom, bottom2) - ops.minimum(top, top2)) * (
        ops.maximum(right, right2) - ops.minimum(left, left2)
    )
    return high * wide / union - (hull - union) / hull


def _edges(codes: Any) -> tuple[tuple[Any, Any, Any, Any], Any]:
    y, x = codes[..., 0] / SCALES[0], codes[..., 1] / SCALES[1]
    # 4: fifty times the anchor; a wild guess must not overflow
    half_h = ops.exp(ops.clip(codes[..., 2] / SCALES[2], -4.0, 4.0)) / 2
    half_w = ops.exp(ops.clip(codes[..., 3] / SCALES[3], -4.0, 4.0)) / 2
    return (y - half_h, x - half_w, y + half_h, x + half_w), 4 * half_h * half_w
