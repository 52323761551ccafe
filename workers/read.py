"""Stage 2: crops of plates → text. One job reads a few plates of one session."""

from collections import Counter

from anpr import log
from anpr.types import PlateOutcome, Reading
from storage import evidence, plate_reads
from storage.plate_reads import PlateKey
from workers import frames, queues, traces
from workers.process import current, job

_log = log.get(__name__)
_NOTHING = Reading(candidates=())


@job
def read(session_id: int, plates: list[list[int]]) -> None:
    """Read these plates (pairs of frame and plate number), store text and picture, and ask for their grouping."""
    keys: list[PlateKey] = [(frame_no, plate_no) for frame_no, plate_no in plates]
    with traces.over_frames(current().redis, "read", session_id, Counter(frame_no for frame_no, _ in keys)):
        _read(session_id, keys)


def _read(session_id: int, keys: list[PlateKey]) -> None:
    process = current()
    crops = frames.fetch_crops(process.redis, session_id, keys)
    decoded = {key: frames.decode(jpeg) for key, jpeg in crops.items()}
    images = {key: image for key, image in decoded.items() if image is not None}
    readings = dict(zip(images, process.reader.read(list(images.values())), strict=True))

    outcomes: dict[PlateKey, tuple[PlateOutcome, Reading]] = {}
    for key in keys:
        if key not in crops:
            outcomes[key] = PlateOutcome.EXPIRED, _NOTHING
        elif key not in readings:
            outcomes[key] = PlateOutcome.FAILED, _NOTHING
        else:
            outcomes[key] = outcome_of(readings[key]), readings[key]

    directory = process.evidence_dir
    pictures = [
        evidence.write(directory, session_id, key, crops[key])
        for key, (outcome, _) in outcomes.items()
        if outcome is PlateOutcome.READ
    ]
    with process.database.transaction() as conn:
        new = {
            key
            for key, (outcome, reading) in outcomes.items()
            if plate_reads.save(conn, session_id, key, outcome, reading)
        }
        for picture in pictures:
            if picture.key in new:
                evidence.add(conn, session_id, picture)
        let_go = evidence.unknown(conn, session_id, [picture.path for picture in pictures])
    evidence.remove(directory, let_go)
    frames.drop_crops(process.redis, session_id, keys)
    if pictures:
        queues.group_later(process.redis, session_id)
    _log.debug("plates.read", session=session_id, plates=len(keys), read=len(pictures))


def outcome_of(reading: Reading) -> PlateOutcome:
    """Whether a reading counts as read under the settings of this process."""
    settings = current().settings.read
    good = len(reading.text) >= settings.min_length and reading.confidence >= settings.min_confidence
    return PlateOutcome.READ if good else PlateOutcome.UNREADABLE
