import random
import re
from pathlib import Path

import numpy as np
import pytest
from builders import a_box
from hypothesis import given, settings
from hypothesis import strategies as st

from anpr.errors import BadInput
from anpr.types import Box
from models.datasets.alike import groups, near_pairs, perceptual_hash
from models.datasets.check import Entry, Look, box_problems, file_problems, label_problems, leaks, repeats
from models.datasets.pictures import bare, is_cut_short, kind_of
from models.datasets.split import SameVideo, split, ties
from models.datasets.types import Annotation, Dataset, LabelledImage, box_of

HASHES = st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 63).map(lambda bit: 1 << bit), max_size=12)
JPEG = Look(kind="jpeg", size=(640, 480), is_cut_short=False, hash=1)


def an_image(
    *boxes: Box, path: str = "images/a.jpg", text: str | None = None, label: str = "plate", split: str | None = None
) -> LabelledImage:
    annotations = tuple(Annotation(box=one, label=label, text=text) for one in boxes)
    return LabelledImage(path=Path(path), width_px=640, height_px=480, annotations=annotations, split=split)


def an_entry(name: str, side: str | None, *, hash: int | None = None, plates: tuple[str, ...] = ()) -> Entry:
    return Entry(name=name, side=side, hash=hash, plates=frozenset(plates))


def a_dataset(*images: LabelledImage) -> Dataset:
    return Dataset(root=Path("nowhere"), images=images, labels=("plate",))


@pytest.mark.parametrize(
    ("box", "kinds"),
    [
        (box_of(10, 10, 50, 20), []),
        (box_of(-0.6, 0, 640.9, 480), []),
        (box_of(50, 10, 10, 20), ["swapped box"]),
        (box_of(10, 20, 50, 10), ["swapped box"]),
        (box_of(10, 10, 10, 20), ["empty box"]),
        (box_of(600, 10, 642, 20), ["box outside"]),
        (box_of(-5, 10, 30, 20), ["box outside"]),
        (box_of(10, 470, 30, 490), ["box outside"]),
    ],
)
def test_a_wrong_box_is_an_error_of_one_kind(box: Box, kinds: list[str]) -> None:
    found = list(box_problems(an_image(box), None))
    assert [(one.severity, one.kind) for one in found] == [("error", kind) for kind in kinds]


def test_a_box_is_measured_by_the_true_size_of_the_picture() -> None:
    inside_by_annotation = an_image(box_of(500, 10, 600, 40))
    assert [one.kind for one in box_problems(inside_by_annotation, (480, 640))] == ["box outside"]


def test_a_box_drawn_twice_is_a_warning() -> None:
    found = list(box_problems(an_image(a_box(), a_box(x=101), a_box(x=300)), None))
    assert [(one.severity, one.kind) for one in found] == [("warning", "repeated box")]


@pytest.mark.parametrize(
    ("path", "seen", "kinds"),
    [
        ("a.jpg", JPEG, []),
        ("a.JPEG", JPEG, []),
        ("a.jpg", None, ["missing file"]),
        ("a.png", JPEG, ["wrong extension"]),
        ("a", JPEG, ["wrong extension"]),
        ("a.jpg", Look(kind=None, size=None, is_cut_short=False, hash=None), ["unreadable"]),
        ("a.jpg", Look(kind="jpeg", size=None, is_cut_short=False, hash=None), ["unreadable"]),
        ("a.jpg", Look(kind="jpeg", size=(640, 480), is_cut_short=True, hash=None), ["unreadable"]),
        ("a.png", Look(kind="jpeg", size=(480, 640), is_cut_short=False, hash=None), ["wrong extension", "wrong size"]),
    ],
)
def test_a_file_is_what_its_name_and_annotation_say(path: str, seen: Look | None, kinds: list[str]) -> None:
    assert [one.kind for one in file_problems(an_image(path=path), seen)] == kinds


def test_a_rare_label_spelt_like_a_common_one_is_a_typo() -> None:
    images = [an_image(a_box(), path=f"{n}.jpg") for n in range(20)]
    odd = [an_image(a_box(), path="x.jpg", label=label) for label in ("palte", "Plate ", "truck")]
    found = list(label_problems(a_dataset(*images, *odd)))
    assert sorted(one.what for one in found) == [
        "“Plate ” (1×) looks like “plate” (20×)",
        "“palte” (1×) looks like “plate” (20×)",
    ]


def test_two_common_labels_that_are_spelt_alike_are_no_typo() -> None:
    images = [an_image(a_box(), path=f"{n}.jpg", label="plate1" if n % 2 else "plate2") for n in range(20)]
    assert list(label_problems(a_dataset(*images))) == []


def test_alike_pictures_and_plates_on_two_sides_are_errors() -> None:
    entries = [
        an_entry("a", "train", hash=0b0000, plates=("AB123CD",)),
        an_entry("b", "val", hash=0b0111, plates=("AB123CD",)),
        an_entry("c", "train", hash=0b0001),
        an_entry("d", None, hash=0b0001, plates=("AB123CD",)),
        an_entry("e", "val", hash=None),
    ]
    found = list(leaks(entries, 3))
    assert [(one.severity, one.kind, one.where, one.what) for one in found] == [
        ("error", "picture on both sides", "a", "looks like b, 3 of 64 bits apart (train / val)"),
        ("error", "picture on both sides", "b", "looks like c, 2 of 64 bits apart (val / train)"),
        ("error", "plate on both sides", "a", "plate AB123CD: 1 in train, 1 in val pictures"),
    ]


def test_alike_pictures_on_one_side_are_one_warning_a_group() -> None:
    entries = [an_entry(str(n), "train", hash=2**n - 1) for n in range(6)] + [an_entry("far", "train", hash=2**40 - 1)]
    (found,) = repeats(entries, 1)
    assert (found.severity, found.where, found.what) == ("warning", "0", "looks like 1, 2, 3 and 2 more")


@given(HASHES, st.integers(0, 20))
def test_near_pairs_are_those_that_counting_bits_finds(hashes: list[int], most: int) -> None:
    every = [(i, j, (hashes[i] ^ hashes[j]).bit_count()) for i in range(len(hashes)) for j in range(i + 1, len(hashes))]
    assert sorted(near_pairs(hashes, most)) == [one for one in every if one[2] <= most]


@given(st.integers(1, 12), st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=15))
def test_groups_hold_everyone_once_and_no_pair_is_parted(count: int, pairs: list[tuple[int, int]]) -> None:
    inside = [(a, b) for a, b in pairs if a < count and b < count]
    found = groups(count, inside)
    assert sorted(one for group in found for one in group) == list(range(count))
    of = {one: n for n, group in enumerate(found) for one in group}
    assert all(of[a] == of[b] for a, b in inside)
    assert len(found) >= count - len(inside)


def a_scene(seed: int) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 200, (12, 16)).astype(np.uint8)
    return np.kron(coarse, np.ones((20, 20), np.uint8))


def test_a_hash_survives_size_light_and_noise_and_tells_scenes_apart() -> None:
    for seed in range(20):
        scene = a_scene(seed)
        noise = np.random.default_rng(seed).integers(0, 12, (120, 160))
        copy = (scene[::2, ::2] * 1.1 + 10 + noise).astype(np.uint8)
        own = perceptual_hash(scene)
        assert (own ^ perceptual_hash(copy)).bit_count() <= 4
        assert (own ^ perceptual_hash(a_scene(seed + 100))).bit_count() > 14


@st.composite
def collections(draw: st.DrawFn) -> tuple[list[LabelledImage], list[int | None]]:
    count = draw(st.integers(2, 16))
    plates = st.none() | st.sampled_from([f"AB{n}CDE" for n in range(30)])
    images: list[LabelledImage] = []
    for n in range(count):
        boxes = [a_box(width=draw(st.integers(5, 300)))] * draw(st.integers(0, 2))
        images.append(an_image(*boxes, path=f"cam_{n:03}.jpg", text=draw(plates)))
    hashes = [draw(st.none() | st.integers(0, 9).map(lambda n: 0x0F0F_3355 * 3**n % 2**64)) for _ in images]
    return images, hashes


def sides(images: list[LabelledImage], hashes: list[int | None], seed: int) -> dict[Path, str | None]:
    done = split(a_dataset(*images), hashes, share=0.8, seed=seed, near_bits=4)
    return {image.path: image.split for image in done.dataset.images}


@settings(max_examples=20)
@given(collections(), st.integers(0, 3))
def test_a_split_keeps_together_what_belongs_together(
    given_: tuple[list[LabelledImage], list[int | None]], seed: int
) -> None:
    images, hashes = given_
    pairs = list(ties(images, hashes, 4, None))
    if len(groups(len(images), pairs)) == 1:
        with pytest.raises(BadInput, match="belong together"):
            sides(images, hashes, seed)
        return
    side = sides(images, hashes, seed)
    assert set(side.values()) == {"train", "val"}
    assert all(side[images[a].path] == side[images[b].path] for a, b in pairs)
    together = list(zip(images, hashes, strict=True))
    random.Random(seed).shuffle(together)
    shuffled = sides([image for image, _ in together], [value for _, value in together], seed)
    assert shuffled == side


@pytest.mark.parametrize("share", [0.5, 0.8, 0.9])
def test_a_split_has_the_share_and_the_kinds_that_were_asked_for(share: float) -> None:
    widths = [None, 10, 60, 200]
    images = [
        an_image(*([] if widths[n % 4] is None else [a_box(width=widths[n % 4] or 0)]), path=f"{n:03}.jpg")
        for n in range(400)
    ]
    done = split(a_dataset(*images), [None] * 400, share=share, seed=7, near_bits=8)
    assert done.share == pytest.approx(share, abs=0.005)
    for kind in range(4):
        val = sum(image.split == "val" for image in done.dataset.images if int(image.path.stem) % 4 == kind)
        assert val == pytest.approx(100 * (1 - share), abs=2)


def test_another_seed_is_another_split() -> None:
    images = [an_image(a_box(), path=f"{n:03}.jpg") for n in range(50)]
    assert len({tuple(sides(images, [None] * 50, seed).values()) for seed in range(5)}) == 5


def test_pictures_of_one_plate_and_those_that_look_alike_belong_together() -> None:
    texts = ["AB 123-CD", "ab123cd", "AB123CE", None, None, "XY1", "XY1"]  # the last is too short to tell cars apart
    images = [an_image(a_box(), path=f"{n}.jpg", text=text) for n, text in enumerate(texts)]
    found = groups(7, ties(images, [0, 2**32 - 1, None, 7, 3, None, None], 4, None))
    assert found == [[0, 1, 3, 4], [2], [5], [6]]


def test_frames_close_in_time_stay_together() -> None:
    names = ["a_t1.jpg", "a_t6.jpg", "a_t30.jpg", "b_t7.jpg", "b_t9.5.jpg", "still.jpg"]
    images = [an_image(path=name) for name in names]
    video = SameVideo(pattern=re.compile(r"(?P<video>[^/]+)_t(?P<t>[\d.]+)\.jpg"), within=8)
    tied = {(names[a], names[b]) for a, b in ties(images, [None] * 6, 8, video)}
    assert tied == {("a_t1.jpg", "a_t6.jpg"), ("b_t7.jpg", "b_t9.5.jpg")}


def test_a_pattern_of_frames_must_name_its_groups() -> None:
    with pytest.raises(BadInput, match=r"has the groups \(\?P<video>…\) and \(\?P<t>…\)"):
        SameVideo(pattern=re.compile(r"(.*)_t(\d+)"), within=8)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\xff\xd8\xff\xe0", "jpeg"),
        (b"\x89PNG\r\n\x1a\n", "png"),
        (b"RIFF\0\0\0\0WEBP", "webp"),
        (b"RIFF\0\0\0\0WAVE", None),
        (b"\0\0\0\x20ftypavif", "avif"),
        (b"<html>", None),
        (b"", None),
    ],
)
def test_a_picture_is_known_by_its_first_bytes(data: bytes, kind: str | None) -> None:
    assert kind_of(data) == kind


def test_the_end_of_an_embedded_preview_is_not_the_end_of_a_jpeg() -> None:
    preview = b"\xff\xd8\xff\xda..\xff\xd9"
    whole = b"\xff\xd8\xff\xe1" + preview + b"\xff\xda......\xff\xd9"
    assert not is_cut_short(whole)
    assert is_cut_short(whole[:-4])


@pytest.mark.parametrize(
    ("path", "want"),
    [
        ("images/a.jpg", "a.jpg"),
        ("train/images/a.jpg", "train/a.jpg"),
        ("../../etc/a.jpg", "etc/a.jpg"),
        ("/x/a.jpg", "a.jpg"),
    ],
)
def test_a_picture_is_put_inside_the_folder_it_is_written_to(path: str, want: str) -> None:
    assert bare(Path(path)) == Path(want)
