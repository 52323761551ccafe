"""Where the embedded servers of a user live, and who runs them: Postgres refuses to run as root."""

import os
import pwd
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TypedDict

import platformdirs

from anpr.errors import BadInput

ACCOUNTS = ("anpr", "postgres", "nobody")


def default_data_dir() -> Path:
    """Where the embedded servers keep their data unless told otherwise: per user, or /var/lib/anpr for root."""
    if os.geteuid() == 0:
        return Path("/var/lib/anpr")  # /root is closed to the account that the servers run as
    return platformdirs.user_data_path("anpr")


class RunAs(TypedDict, total=False):
    """The account of a child process, as subprocess takes it; empty for our own."""

    user: int
    group: int
    extra_groups: list[int]


def account_of(run: Path) -> RunAs:
    """Who runs the servers of a root: the account that ran them before, else the first of ACCOUNTS."""
    if run.exists() and (owner := run.stat()).st_uid != 0:
        return {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}
    for name in ACCOUNTS:
        with suppress(KeyError):
            account = pwd.getpwnam(name)
            return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    raise BadInput(f"Postgres refuses to run as root and there is no account {' or '.join(ACCOUNTS)}: set DATABASE_URL")


def must_reach(directory: Path, run_as: RunAs) -> None:
    if subprocess.run(["/bin/sh", "-c", 'test -x "$0"', directory], check=False, **run_as).returncode != 0:
        user: int | str = run_as.get("user", -1)
        with suppress(KeyError):  # an account of another machine has no name here
            user = pwd.getpwuid(int(user)).pw_name
        raise BadInput(
            f"{directory}: Postgres refuses to run as root, and user {user}, who runs it instead, "
            f"cannot reach this directory: give another, such as {default_data_dir()}"
        )
