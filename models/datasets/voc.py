"""Pascal VOC XML (host.robots.ox.ac.uk/pascal/VOC): one file a picture, in `Annotations`; splits in `ImageSets/Main`.

Corners are taken as they stand, in pixels from 0, as labelImg and CVAT write them (the VOC of 2012 counted from 1).
Beyond VOC: what it has no element for stands in `attributes`, as CVAT writes it, `text` of a plate among them.
"""

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

from anpr.errors import BadInput
from models.datasets.files import read_text
from models.datasets.pictures import FOLDERS, Finder, bare, size_of_file
from models.datasets.types import Annotation, Dataset, LabelledImage, box_of, labels_used, number

ANNOTATIONS = "Annotations"
SETS = Path("ImageSets", "Main")
_OWN = ("pose", "truncated", "occluded")  # elements of an object that VOC and its tools know
_SPLITS = ("train", "val", "test")
_DECLARES = re.compile(r"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)
_ENCODING = re.compile(rb"<\?xml[^>]*encoding\s*=\s*[\"']([\w.-]+)")
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2


def claims(path: Path) -> bool:
    """Whether a file is an annotation in XML, or a folder (or its `Annotations`) holds such files."""
    if path.is_file():
        return path.suffix.lower() == ".xml"
    return (path / ANNOTATIONS).is_dir() or any(path.glob("*.xml"))


def read(path: Path) -> Dataset:
    """All annotations of a folder, or one file. Raises BadInput."""
    root = path.parent if path.is_file() else path
    home = root / ANNOTATIONS if (root / ANNOTATIONS).is_dir() else root
    root = root.parent if root.name == ANNOTATIONS else root
    finder = Finder(root)
    splits = _splits(root)
    images: list[LabelledImage] = []
    for file in [path] if path.is_file() else sorted(home.rglob("*.xml")):
        name, image = parse(_decoded(file), where=str(file))
        key = file.relative_to(home).with_suffix("")
        found = _picture(finder, name, key)
        width, height = image.width_px, image.height_px
        if width is None or height is None:
            width, height = size_of_file(root / found) or (None, None)
        images.append(
            LabelledImage(
                path=found,
                width_px=width,
                height_px=height,
                annotations=image.annotations,
                split=splits.get(key.as_posix()),
                extra=image.extra,
            )
        )
    return Dataset(root=root, images=tuple(images), labels=labels_used(tuple(images)))


def _picture(finder: Finder, name: str, key: Path) -> Path:
    """By the name that the XML says, which is often another's, then by that of the XML itself."""
    folders = [str(Path(folder) / key.parent) for folder in ("JPEGImages", *FOLDERS)]
    said = finder.find(name or key.name, *folders)
    if (finder.root / said).is_file():
        return said
    by_key = finder.find(key.name + Path(name).suffix, *folders)
    return by_key if (finder.root / by_key).is_file() else said


def _decoded(path: Path) -> str:
    """The text of an XML file in the encoding that it declares. Raises BadInput."""
    declared = _ENCODING.match(path.read_bytes()[:200])
    if declared is None:
        return read_text(path)
    try:
        return path.read_bytes().decode("utf-8-sig" if declared[1].lower() == b"utf-8" else declared[1].decode())
    except (LookupError, UnicodeError) as exc:
        raise BadInput(f"{path}: not a text in {declared[1].decode()}, which it declares") from exc


def parse(xml: str, *, where: str) -> tuple[str, LabelledImage]:
    """The file name that an annotation gives, and the picture under that name. Raises BadInput with `where`.

    A text that declares a document type or entities is refused: they can expand to gigabytes or read other files.
    """
    if _DECLARES.search(xml):
        raise BadInput(f"{where}: declares a document type or entities, which no annotation needs")
    try:
        root = ET.fromstring(xml)  # noqa: S314 - what makes it unsafe, DOCTYPE and ENTITY, was refused above
    except ET.ParseError as exc:
        raise BadInput(f"{where}: not XML ({exc})") from exc
    if root.tag != "annotation":
        raise BadInput(f"{where}: the root is <{root.tag}> where Pascal VOC has <annotation>")
    objects = [_object(one, f"{where}: object {n}") for n, one in enumerate(root.findall("object"), start=1)]
    name = (root.findtext("filename") or "").strip()
    extra: dict[str, object] = {}
    for child in root:
        if child.tag not in ("folder", "filename", "path", "size", "object", "attributes"):
            extra[child.tag] = _tree(child)
    extra.pop("segmented", None)
    image = LabelledImage(
        path=Path(name.replace("\\", "/")),
        width_px=_size(root, "width", where),
        height_px=_size(root, "height", where),
        annotations=tuple(objects),
        extra=extra | {key: _value(text) for key, text in _attributes(root).items()},
    )
    return name, image


def _size(root: ET.Element, side: str, where: str) -> int | None:
    text = (root.findtext(f"size/{side}") or "0").strip()
    try:
        return int(float(text)) or None
    except ValueError:
        raise BadInput(f"{where}: size/{side} {text!r} is no number of pixels") from None


def _object(one: ET.Element, where: str) -> Annotation:
    corners: list[float] = []
    for corner in ("xmin", "ymin", "xmax", "ymax"):
        text = (one.findtext(f"bndbox/{corner}") or "").strip()
        try:
            corners.append(float(text))
        except ValueError:
            raise BadInput(f"{where}: bndbox/{corner} {text!r} is no number") from None
        if not abs(corners[-1]) < float("inf"):
            raise BadInput(f"{where}: bndbox/{corner} is {text}")
    label = (one.findtext("name") or "").strip()
    if not label:
        raise BadInput(f"{where}: no name")
    attributes = _attributes(one)
    text = attributes.pop("text", None)
    extra: dict[str, object] = {
        child.tag: _tree(child) for child in one if child.tag not in ("name", "bndbox", "difficult", "attributes")
    }
    return Annotation(
        box=box_of(*corners),
        label=label,
        text=None if text is None else _unquoted(text),
        is_hard=(one.findtext("difficult") or "0").strip() not in ("", "0"),
        extra=extra | {key: _value(value) for key, value in attributes.items()},
    )


def _attributes(of: ET.Element) -> dict[str, str]:
    pairs = of.findall("attributes/attribute")
    return {(one.findtext("name") or "").strip(): one.findtext("value") or "" for one in pairs}


def _tree(element: ET.Element) -> object:
    """An element that we do not know, as JSON would hold it; of repeated ones a list."""
    if not len(element):
        return _value((element.text or "").strip())
    found: dict[str, list[object]] = {}
    for child in element:
        found.setdefault(child.tag, []).append(_tree(child))
    return {tag: values[0] if len(values) == 1 else values for tag, values in found.items()}


def place(image: LabelledImage) -> Path:
    return "JPEGImages" / bare(image.path)


def render(dataset: Dataset) -> dict[str, str]:
    """The files of a data set by their names. Raises BadInput for characters that XML cannot hold in a name."""
    files: dict[str, str] = {}
    for image in dataset.images:
        key = bare(image.path)
        files[(ANNOTATIONS / key.with_suffix(".xml")).as_posix()] = render_one(image)
        if image.split is not None:
            of_split = (SETS / f"{image.split}.txt").as_posix()
            files[of_split] = files.get(of_split, "") + f"{key.with_suffix('').as_posix()}\n"
    return files


def render_one(image: LabelledImage) -> str:
    """The annotation of one picture."""
    root = ET.Element("annotation")
    _leaf(root, "folder", image.path.parent.name)
    _leaf(root, "filename", image.path.name)
    if image.width_px is not None and image.height_px is not None:
        size = ET.SubElement(root, "size")
        for tag, pixels in (("width", image.width_px), ("height", image.height_px), ("depth", 3)):
            _leaf(size, tag, str(pixels))
    _leaf(root, "segmented", "0")
    _write_attributes(root, {key: _quoted(value) for key, value in image.extra.items()})
    for one in image.annotations:
        element = ET.SubElement(root, "object")
        _leaf(element, "name", one.label)
        for tag in _OWN:
            if tag in one.extra:
                _leaf(element, tag, _quoted(one.extra[tag]))
        _leaf(element, "difficult", str(int(one.is_hard)))
        corners = ET.SubElement(element, "bndbox")
        for tag, pixels in zip(
            ("xmin", "ymin", "xmax", "ymax"), (one.box.x1, one.box.y1, one.box.x2, one.box.y2), strict=True
        ):
            _leaf(corners, tag, str(number(pixels)))
        text = {} if one.text is None else {"text": one.text if _is_plain(one.text) else json.dumps(one.text)}
        others = {key: _quoted(value) for key, value in one.extra.items() if key not in (*_OWN, "text")}
        _write_attributes(element, text | others)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode") + "\n"


def _write_attributes(of: ET.Element, attributes: dict[str, str]) -> None:
    if not attributes:
        return
    group = ET.SubElement(of, "attributes")
    for name, value in attributes.items():
        attribute = ET.SubElement(group, "attribute")
        _leaf(attribute, "name", name)
        _leaf(attribute, "value", value)


def _leaf(parent: ET.Element, tag: str, text: str) -> None:
    if bad := _NOT_XML.search(text):
        raise BadInput(f"XML cannot hold the character U+{ord(bad[0]):04X} of {tag} {text!r}")
    ET.SubElement(parent, tag).text = text


def _is_plain(text: str) -> bool:
    """Whether XML gives a text back as it was: no control characters, no space at the edges, not like quoted JSON."""
    return bool(text) and text == text.strip() and text.isprintable() and text[0] != '"'


def _unquoted(text: str) -> str:
    value = _value(text) if text.startswith('"') else text
    return value if isinstance(value, str) else text


def _quoted(value: object) -> str:
    """A JSON value as the text of an element; `_value` gives it back."""
    return value if isinstance(value, str) and _is_plain(value) and _value(value) == value else json.dumps(value)


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _splits(root: Path) -> dict[str, str]:
    """The split of each annotation, by its name without suffix."""
    of_key: dict[str, str] = {}
    for split in _SPLITS:
        file = root / SETS / f"{split}.txt"
        if file.is_file():
            of_key |= {line.strip(): split for line in read_text(file).splitlines() if line.strip()}
    return of_key
