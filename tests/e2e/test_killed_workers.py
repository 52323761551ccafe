"""Workers and Redis are killed in mid-work: nothing is lost, doubled or left over."""

import os
import signal
import time

from pipeline import EVERY_FRAME, QUEUE, Pipeline, found, until
from rq.job import Job
from rq.registry import StartedJobRegistry
from rq.serializers import JSONSerializer

from workers import queues
from workers.queues import Stage

RECOVERY_S = 15.0


def killed_in_mid_batch(pipeline: Pipeline, stage: Stage) -> list:
    """Kill the stage's worker while a job runs in it; the job's arguments."""
    registry = StartedJobRegistry(queue=queues.queue(pipeline.redis, stage))
    process = pipeline.processes[stage]

    def caught() -> list[str]:
        if not registry.get_job_ids(cleanup=False):
            return []
        os.kill(process.pid, signal.SIGSTOP)
        time.sleep(0.05)  # what it had sent arrives
        jobs = registry.get_job_ids(cleanup=False)
        if not jobs:
            os.kill(process.pid, signal.SIGCONT)
        return jobs

    job_ids = until(caught, within_s=40, what=f"a job runs in {stage}")
    pipeline.kill(stage)
    return Job.fetch(job_ids[0], connection=pipeline.redis, serializer=JSONSerializer).args


def test_workers_killed_in_mid_batch_lose_and_double_nothing(pipeline, clip, undisturbed):
    pipeline.ingest("killed", url=str(clip.path), queue=QUEUE, **EVERY_FRAME)
    session = pipeline.started("killed", frames=4)
    pending = []
    for _ in range(2):
        for stage in ("detect", "read"):
            session_id, numbers = killed_in_mid_batch(pipeline, stage)
            assert session_id == session.id
            pending.append((stage, numbers, time.monotonic()))
            pipeline.start(stage, "worker", stage)
    took_s = []
    while pending:
        for one in list(pending):
            stage, numbers, killed_s = one
            if is_done(pipeline, session.id, stage, numbers):
                took_s.append(time.monotonic() - killed_s)
                pending.remove(one)
        time.sleep(0.05)
    print("recovered after", ", ".join(f"{one:.1f} s" for one in took_s))
    session = pipeline.settled("killed")
    assert (session.sampled, session.expired, session.failed) == (clip.frames, 0, 0)
    assert found(pipeline.database, session) == undisturbed
    assert max(took_s) < RECOVERY_S


def is_done(pipeline: Pipeline, session_id: int, stage: str, numbers: list) -> bool:
    """Whether all frames, or all plates, of a job have an outcome."""
    with pipeline.database.transaction() as conn:
        if stage == "detect":
            query = """
                select count(*) from unnest(%(numbers)s::bigint[]) as job (frame_no)
                where frame_no < (select counted from sessions where id = %(id)s)
                   or exists (select from frames f where f.session_id = %(id)s and f.frame_no = job.frame_no)
            """
            row = conn.execute(query, {"id": session_id, "numbers": numbers}).fetchone()
        else:
            query = """
                select count(*) from plate_reads join unnest(%(frames)s::bigint[], %(plates)s::integer[])
                    as job (frame_no, plate_no) using (frame_no, plate_no)
                where session_id = %(id)s and outcome is not null
            """
            values = {"id": session_id, "frames": [one[0] for one in numbers], "plates": [one[1] for one in numbers]}
            row = conn.execute(query, values).fetchone()
    return row == (len(numbers),)


def test_a_redis_that_is_killed_and_restarted_in_mid_run_loses_nothing(pipeline, own_servers, clip, undisturbed):
    pipeline.ingest("redis", url=str(clip.path), queue=QUEUE, **EVERY_FRAME)
    accounted = 0
    for how in (signal.SIGKILL, signal.SIGTERM):
        pipeline.started("redis", frames=accounted + 8)
        own_servers.kill("redis", how)
        time.sleep(1)
        accounted = pipeline.started("redis").accounted
        own_servers.embedded.poll()
        back_s = time.monotonic()
        pipeline.started("redis", frames=accounted + 1, within_s=RECOVERY_S)
        print(f"went on {time.monotonic() - back_s:.1f} s after Redis came back from {how.name}")
    session = pipeline.settled("redis")
    assert (session.sampled, session.expired, session.failed) == (clip.frames, 0, 0)
    assert found(pipeline.database, session) == undisturbed
    events = [line["event"] for line in pipeline.said("redis") if line["level"] != "debug"]
    assert events.count("ingest.redis_away") == events.count("ingest.redis_back") in (1, 2)
    assert set(events) == {"session.started", "ingest.redis_away", "ingest.redis_back", "session.ended"}
