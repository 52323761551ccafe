"""A wrong spec or label map names the file and the key."""

from pathlib import Path

import pytest

from anpr.errors import BadModel
from models.detector.labels import load_labels
from models.spec import DetectorSpec, load_spec

GOOD = "output: ssd_postprocess\nplates: [plate]\nthreshold: 0.5\n"


def a_spec(folder: Path, text: str) -> Path:
    (folder / "x.yaml").write_text(text)
    return folder / "x.tflite"


def test_a_spec_without_the_optional_keys_loads(tmp_path: Path) -> None:
    spec = load_spec(DetectorSpec, a_spec(tmp_path, GOOD))
    assert (spec.resize, spec.colour, spec.mean, spec.class_offset) == ("stretch", "rgb", 127.5, 0)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (GOOD + "treshold: 0.4\n", "treshold: Extra inputs are not permitted"),
        (GOOD.replace("0.5", "48"), "threshold: "),
        (GOOD.replace("[plate]", "[]"), "plates: "),
        (GOOD.replace("ssd_postprocess", "yolo"), "output: Input should be 'ssd_postprocess'"),
        (GOOD + "mean: [1, 2]\n", "mean"),
        ("output: [", "not YAML"),
        ("just words", "a spec is a mapping"),
    ],
)
def test_a_wrong_spec_is_refused_with_its_file_and_key(tmp_path: Path, text: str, says: str) -> None:
    weights = a_spec(tmp_path, text)
    with pytest.raises(BadModel) as caught:
        load_spec(DetectorSpec, weights)
    assert str(caught.value).startswith(f"{tmp_path / 'x.yaml'}: ")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_spec_says_where_it_belongs(tmp_path: Path) -> None:
    with pytest.raises(BadModel, match=r"x\.yaml: No such file or directory \(the spec of x\.tflite belongs there\)"):
        load_spec(DetectorSpec, tmp_path / "x.tflite")


@pytest.mark.parametrize(
    ("name", "text", "labels"),
    [
        ("labels.txt", "car\nplate\n", {0: "car", 1: "plate"}),
        ("labels.txt", "???\nperson\n\nlicense plate\n", {0: "???", 1: "person", 3: "license plate"}),
        ("labels.txt", "0  person\n2  car\n43  license plate\n", {0: "person", 2: "car", 43: "license plate"}),
        ("labels.txt", "0: person\n2: car\n", {0: "person", 2: "car"}),
        (
            "labels.pbtxt",
            'item {\n  name: "/m/01"\n  id: 1\n  display_name: "car"\n}\nitem { id: 2 name: \'plate\' }\n',
            {1: "car", 2: "plate"},
        ),
    ],
)
def test_the_usual_label_maps_are_understood(tmp_path: Path, name: str, text: str, labels: dict[int, str]) -> None:
    (tmp_path / name).write_text(text)
    assert load_labels(tmp_path / name) == labels


def test_a_missing_empty_or_binary_label_map_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("\n")
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(BadModel, match="No such file"):
        load_labels(tmp_path / "none.txt")
    with pytest.raises(BadModel, match="holds no label"):
        load_labels(tmp_path / "empty.txt")
    with pytest.raises(BadModel, match="UTF-8"):
        load_labels(tmp_path / "binary.txt")
