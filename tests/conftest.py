"""What all tests share: the real servers, a clean database a test, and an empty Redis."""

import os
import sys
from collections.abc import Iterator

import pytest
import servers
from hypothesis import settings
from redis import Redis

from storage import migrate
from storage.db import Database
from workers import queues

# Dozens of processes start: to compile every module in each takes several times what importing it takes.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.fixture(scope="session")
def running_servers() -> Iterator[servers.TestServers]:
    with servers.test_servers() as running:
        yield running


@pytest.fixture(scope="session")
def migrated_template(running_servers: servers.TestServers) -> Iterator[str]:
    def fill(url: str) -> None:
        database = Database(url)
        with database.transaction() as conn:
            migrate.migrate(conn)
        database.close()

    with running_servers.template(fill) as name:
        yield name


@pytest.fixture
def database_url(running_servers: servers.TestServers, migrated_template: str) -> Iterator[str]:
    """A migrated, empty database of the test's own."""
    with running_servers.fresh_database(migrated_template) as url:
        yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database(database_url)
    yield opened
    opened.close()


@pytest.fixture
def redis_url(running_servers: servers.TestServers) -> Iterator[str]:
    """A Redis that is empty before and after the test."""
    client = queues.connect(running_servers.redis_url)
    client.flushall()
    yield running_servers.redis_url
    client.flushall()
    client.close()


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    client = queues.connect(redis_url)
    yield client
    client.close()


settings.register_profile("suite", max_examples=40, deadline=None)
settings.load_profile("suite")
