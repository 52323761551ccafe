"""The curves of a training run."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from models.evaluate.extra import needed


def draw_curves(rows: Sequence[Mapping[str, float]], path: Path) -> None:
    """A PNG: the loss on the left, the figures of the validation sets on the right, over the steps."""
    needed("matplotlib.figure")
    from matplotlib.figure import Figure  # noqa: PLC0415 (a second of its own)

    figure = Figure(figsize=(11, 4.5), layout="constrained")
    losses, scores = figure.subplots(1, 2)
    steps = [row["step"] for row in rows]
    losses.plot(steps, [row["loss"] for row in rows], color="#1f4e79")
    losses.set(title="training loss", xlabel="step", yscale="log")
    for name in rows[-1]:
        if name not in ("step", "seconds", "loss"):
            scores.plot(steps, [row.get(name, float("nan")) for row in rows], label=name)
    scores.set(title="validation", xlabel="step", ylim=(0, 1))
    scores.legend(loc="lower right", fontsize="small")
    for axes in (losses, scores):
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=110)
