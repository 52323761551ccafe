"""More workers, started anywhere, share the work."""

from pipeline import EVERY_FRAME, QUEUE, Pipeline, found, until


def test_pools_started_from_different_directories_share_the_work(pipeline, clip, undisturbed, tmp_path):
    skip = len(pipeline.said("detect", "frames.detected"))
    pipeline.start("far", "worker", "detect", "-n", "2", cwd=tmp_path)
    until(lambda: len(pipeline.said("far", "worker.ready")) == 2, within_s=60, what="the second pool is ready")
    pipeline.ingest("shared", url=str(clip.path), queue=QUEUE, **EVERY_FRAME)
    session = pipeline.settled("shared")
    near, far = looked_at(pipeline, "detect", skip), looked_at(pipeline, "far")
    print(f"{near} frames near, {far} far")
    assert near + far == session.sampled == clip.frames
    assert min(near, far) > 0
    assert found(pipeline.database, session) == undisturbed
    assert pipeline.stop("far") == 0


def looked_at(pipeline: Pipeline, name: str, skip: int = 0) -> int:
    """How many frames a worker looked at, after its first jobs."""
    return sum(line["frames"] for line in pipeline.said(name, "frames.detected")[skip:])
