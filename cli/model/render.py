"""`anpr model data render`: synthetic plates, to look at and to train on."""

from pathlib import Path
from typing import Annotated

import typer

from anpr.errors import BadInput
from models.render.countries import COUNTRIES, MIXTURE
from models.render.files import pictures_of, write_crops, write_picture, write_scenes
from models.render.fonts import Fonts
from models.render.sample import DEFAULT, Options, samples
from models.render.sheet import sheet as contact_sheet

RANDOM = "random"
_KNOWN = ", ".join([*filter(None, COUNTRIES), RANDOM])


def render(  # noqa: PLR0917 (Typer takes a command's options as its parameters)
    fonts: Annotated[Path, typer.Option(metavar="DIR", help="fonts (.ttf, .otf) with A-Z and 0-9, searched in depth")],
    sheet: Annotated[Path | None, typer.Option(metavar="PNG", help="write a contact sheet to look at")] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="write crops and labels.csv there, or scenes with --scenes")
    ] = None,
    scenes: Annotated[
        Path | None,
        typer.Option(metavar="SRC", help="paste plates into these pictures: a folder of them, or a labelled data set"),
    ] = None,
    number: Annotated[int, typer.Option(min=1, help="plates, or pictures with --scenes")] = 64,
    seed: Annotated[int, typer.Option(min=0, help="the same seed gives the same plates")] = 0,
    country: Annotated[
        list[str] | None, typer.Option(metavar="CODE", help=f"only these (repeat it): {_KNOWN} [default: a mixture]")
    ] = None,
    difficulty: Annotated[
        float | None, typer.Option(min=0, max=1, help="0: clean and near, 1: all a road has [default: from 0 to 1]")
    ] = None,
    two_line: Annotated[float, typer.Option(min=0, max=1, help="share of plates on two lines")] = DEFAULT.two_line,
    least_letter_px: Annotated[
        float, typer.Option(min=4, max=200, help="least height of letters in crops, in pixels")
    ] = DEFAULT.least_letter_px,
) -> None:
    """Render number plates of many countries as cameras see them.

    `--sheet` shows them with their texts. `--out` writes training data: crops with a `labels.csv`, or, with `--scenes`,
    pictures with plates pasted into them as COCO; the boxes that a data set of scenes has already are kept.
    """
    if scenes is not None and out is None:
        raise BadInput("--scenes needs --out DIR, where the new pictures go")
    if sheet is None and out is None:
        raise BadInput("nothing to do: give --sheet FILE.png, or --out DIR")
    options = Options(
        mixture=_mixture(country),
        two_line=two_line,
        least_letter_px=least_letter_px,
        most_letter_px=max(least_letter_px, DEFAULT.most_letter_px),
    )
    loaded = Fonts.load(fonts)
    if sheet is not None:
        shown = samples(loaded, seed=seed, number=number, difficulty=difficulty, options=options)
        pictures = [(one.image, f"{one.text} {one.country} {one.image.shape[1]}x{one.image.shape[0]}") for one in shown]
        write_picture(sheet, contact_sheet(pictures))
        print(f"{number} plates in {sheet}")
    if out is not None and scenes is not None:
        level = 0.5 if difficulty is None else difficulty
        source = pictures_of(scenes)
        made = write_scenes(out, source, loaded, seed=seed, count=number, difficulty=level, options=options)
        print(f"{number} pictures with {sum(len(image.annotations) for image in made.images)} plates in {out}")
    elif out is not None:
        made = samples(loaded, seed=seed, number=number, difficulty=difficulty, options=options)
        print(f"{write_crops(out, made)} plates in {out}")


def _mixture(chosen: list[str] | None) -> dict[str, float]:
    """The default mixture, or equal shares of the countries that were named."""
    if not chosen:
        return MIXTURE
    codes = ["" if code.lower() == RANDOM else code.upper() for code in chosen]
    for given, code in zip(chosen, codes, strict=True):
        if code not in COUNTRIES:
            raise BadInput(f"--country {given}: no plates of it are known; known: {_KNOWN}")
    return dict.fromkeys(codes, 1.0)
