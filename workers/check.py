"""Stage 3: reads → plate events → verdicts."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from anpr import events, log, regions, rule_packs, votes
from anpr.config import Settings
from anpr.errors import Unavailable
from anpr.events import Group, GroupingRules
from anpr.facts import facts_of
from anpr.registry import Answer, Registry
from anpr.types import Candidate, PlateEvent, PlateRead, Verdict, VerdictStatus
from anpr.vignettes import JudgeRules, is_readable, judge, readings
from storage import erasures, evidence, plate_events, plate_reads, verdicts, vignettes
from storage.db import Conn
from workers import queues, traces
from workers.measures import judged
from workers.process import current, job

_log = log.get(__name__)
# What no other reading and no later answer changes.
SETTLED = (VerdictStatus.VALID, VerdictStatus.EXEMPT, VerdictStatus.NOT_LIABLE, VerdictStatus.UNREADABLE)
Judging = Callable[[Answer], Verdict]
MOST_VOTERS = 100  # a parked car has thousands of reads; its hundred most confident ones settle what it is


@job
def group(session_id: int) -> None:
    """Put the new reads of a session into events and vote on each event that changed."""
    process = current()
    queues.group_begins(process.redis, session_id)
    while True:
        with process.database.transaction() as conn:
            plate_events.lock(conn, session_id)
            new = plate_reads.ungrouped(conn, session_id)
            gone = _group(conn, session_id, new, process.settings) if new else []
        evidence.remove(process.evidence_dir, gone)
        if len(new) < plate_reads.MOST_UNGROUPED:
            break


def _group(conn: Conn, session_id: int, new: list[PlateRead], settings: Settings) -> list[str]:
    """Put these reads into events; returns the paths of pictures that are no longer needed."""
    rules = GroupingRules(gap_s=settings.events.gap_s)
    times = [read.captured_at for read in new]
    placed = plate_reads.grouped_near(conn, session_id, since=min(times), until=max(times), gap_s=rules.gap_s)
    erased = plate_reads.erased_near(conn, session_id, since=min(times), until=max(times), gap_s=rules.adjoining_s)
    gone: list[str] = []
    for found in events.group(new, placed, rules):
        final = plate_events.final(conn, found.event_ids, late_s=settings.events.late_s)
        still_open = [event_id for event_id in found.event_ids if event_id not in final]
        forgotten = None if found.event_ids else events.car_of(found.reads, erased, rules)
        if forgotten is not None:
            gone += _came_late(conn, session_id, found, forgotten)
            erasures.erase_late(conn, session_id, _keys(found.reads), forgotten)
        elif final and not still_open:
            gone += _came_late(conn, session_id, found, final[0])
        else:
            gone += _traced_join(conn, session_id, found, still_open, pictures=settings.read.pictures)
    return gone


def _traced_join(conn: Conn, session_id: int, found: Group, event_ids: list[int], *, pictures: int) -> list[str]:
    """Join reads in the trace of their event, which is that of its first frame, linked to those of the other frames."""
    redis, frame_nos = current().redis, [read.frame_no for read in found.reads]
    keys = [traces.event_key(event_id) for event_id in event_ids]
    keys += [traces.frame_key(session_id, frame_no) for frame_no in frame_nos]
    with traces.join(redis, "group", keys, session=session_id, reads=len(frame_nos)) as span:
        event_id, gone = _join_reads(conn, session_id, found, event_ids, pictures=pictures)
        span.note(event=event_id)
        traces.keep(redis, traces.event_key(event_id), span.context, nx=True)
    return gone


def _keys(reads: Sequence[PlateRead]) -> list[plate_reads.PlateKey]:
    return [(read.frame_no, read.plate_no) for read in reads]


def _came_late(conn: Conn, session_id: int, found: Group, event_id: int) -> list[str]:
    """Keep reads with an event that stays as it was judged: an event of their own would be judged a second time."""
    keys = _keys(found.reads)
    _log.info("reads.late", session=session_id, event_id=event_id, reads=len(keys))
    plate_reads.assign(conn, session_id, keys, event_id, is_late=True)
    return evidence.drop(conn, session_id, keys)


def _join_reads(
    conn: Conn, session_id: int, found: Group, event_ids: list[int], *, pictures: int
) -> tuple[int, list[str]]:
    """Make reads and these events one event, a new one where there is none, and vote on it; its id, and paths of
    pictures that are no longer needed."""
    if event_ids:
        event_id, *others = event_ids
        if others:
            plate_events.merge(conn, event_id, others)
    else:
        event_id = plate_events.create(conn, session_id, at=found.reads[0].captured_at)
    plate_reads.assign(conn, session_id, _keys(found.reads), event_id)
    voters = plate_reads.of_event(conn, event_id, most=MOST_VOTERS)
    vote = votes.vote(voters)
    ranked = sorted(voters, key=lambda read: votes.picture_rank(read, vote.plate), reverse=True)
    corrected = plate_events.corrected_plate(conn, event_id)
    candidates = vote.candidates if corrected is None else (Candidate(text=corrected, confidence=1.0),)
    day = min(read.captured_at for read in voters).date()
    plate_events.revote(conn, event_id, vote, ranked[0], regions.of_plate(candidates, voters, at=day))
    return event_id, evidence.thin(conn, event_id, _keys(ranked[:pictures]))


@job
def check(event_id: int) -> None:
    """Judge a closed event against the registry in force and keep the verdict."""
    with traces.join(current().redis, "check", [traces.event_key(event_id)], event=event_id) as span:
        found = _check(event_id)
        if found is not None:
            event, verdict = found
            span.note(camera=event.camera, verdict=verdict.status.value)
            _tell(event, verdict)


def _check(event_id: int) -> tuple[PlateEvent, Verdict] | None:
    """An event that is to be judged and its verdict, which is kept."""
    process = current()
    settings = process.settings.check
    rules = JudgeRules(
        suspect_confidence=settings.suspect_confidence,
        suspect_agreeing=settings.suspect_agreeing,
        registry_max_age_h=settings.registry_max_age_h,
    )
    with process.database.transaction() as conn:
        row = plate_events.get(conn, event_id)
        if row is None or row.event.state == "open":
            return None  # it was merged into another, or has new reads and closes again later
        event = row.event
        if _join_unreadable_looks(conn, event, rules) or erasures.erased_at(conn, event_id) is not None:
            return None
        judging = _judging(conn, event, rules)
        if process.registry is None:
            verdict = judging(vignettes.ListRegistry(conn).ask(event.toll_country, readings(event, rules)))
            verdicts.add(conn, event_id, event.revision, verdict)
            return event, verdict
    tried = readings(event, rules)
    verdict = _judged_elsewhere(process.registry, event, tried, judging, again_s=process.settings.registry.again_s)
    with process.database.transaction() as conn:
        row = plate_events.get(conn, event_id)
        if row is None or row.event != event or erasures.erased_at(conn, event_id) is not None:
            return None  # it changed meanwhile, and closes and is judged again
        verdicts.add(conn, event_id, event.revision, verdict)
    return event, verdict


def _tell(event: PlateEvent, verdict: Verdict) -> None:
    _log.info("event.judged", camera=event.camera, event_id=event.id, verdict=verdict.status.value)
    judged(current().measures, current().database, event, verdict.status)


def _judging(conn: Conn, event: PlateEvent, rules: JudgeRules) -> Judging:
    """How an event is judged by what a registry answers: with what its reads tell of the car."""
    boxes = [read.box for read in plate_reads.of_event(conn, event.id, most=MOST_VOTERS)]
    facts = facts_of(event, boxes, rule_packs.in_force(event.toll_country, event.first_seen))

    def judging(answer: Answer) -> Verdict:
        return judge(
            event,
            answer.vignettes,
            snapshot=answer.snapshot,
            rules=rules,
            now=datetime.now(UTC),
            registered_in=facts.registered_in,
            may_be=facts.may_be,
        )

    return judging


def _judged_elsewhere(
    registry: Registry, event: PlateEvent, tried: Sequence[str], judging: Judging, *, again_s: float
) -> Verdict:
    """The verdict by a registry outside, asked as little as will do; parked for `again_s` where that is away."""
    verdict = judging(Answer(snapshot=None, vignettes=()))
    try:
        for plates in (tried[:1], tried):
            if verdict.status in SETTLED:
                break
            verdict = judging(registry.ask(event.toll_country, plates))
    except Unavailable as exc:
        _log.debug("registry.away", why=str(exc))
        why = f"the registry for {event.toll_country} did not answer"
        verdict = replace(verdict, status=VerdictStatus.REGISTRY_UNKNOWN, reason=why)
    again_at = verdict.judge_again_at
    if verdict.status is VerdictStatus.REGISTRY_UNKNOWN:
        again_at = datetime.now(UTC) + timedelta(seconds=again_s)
    return replace(verdict, snapshot_id=None, vignette_id=None, judge_again_at=again_at)


def _join_unreadable_looks(conn: Conn, event: PlateEvent, rules: JudgeRules) -> bool:
    """Put unreadable events at this one's time and place to the readable car that they show; whether it was one itself.

    Such looks were too poor to vote, so the car's plate stays as it is. Whichever of the two is judged last finds the
    other, so it does not matter which closed first.
    """
    plate_events.lock(conn, event.session_id)
    near = _near(conn, event)
    found = plate_events.votes_of(conn, sorted({event.id, *(event_id for _, event_id in near)}))
    readable = {event_id for event_id, one in found.items() if is_readable(one.text, one.confidence, rules)}
    if event.id not in readable:
        return _join(conn, event, near, readable)
    for event_id in sorted(found.keys() - readable):
        row = plate_events.get(conn, event_id)
        if row is not None and row.event.state == "closed":
            _join(conn, row.event, _near(conn, row.event), readable)
    return False


def _near(conn: Conn, event: PlateEvent) -> list[tuple[PlateRead, int]]:
    return plate_reads.grouped_near(
        conn, event.session_id, since=event.first_seen, until=event.last_seen, gap_s=GroupingRules().adjoining_s
    )


def _join(conn: Conn, doubtful: PlateEvent, near: list[tuple[PlateRead, int]], readable: set[int]) -> bool:
    looks = plate_reads.of_event(conn, doubtful.id, most=MOST_VOTERS)
    car = events.car_of(looks, [(read, one) for read, one in near if one in readable], GroupingRules())
    if car is not None:
        plate_events.merge(conn, car, [doubtful.id])
    return car is not None
