"""What can go wrong, told apart by what the caller must do."""


class AnprError(Exception):
    """Any failure that we can explain in one line; its text says what and where."""


class Retryable(AnprError):
    """Something outside is away for now (a server, a camera, disk space): try again, lose nothing."""


class Unavailable(Retryable):
    """A server that we need (Redis, Postgres) does not answer, or cannot do this now."""


class StorageFull(Retryable):
    """The evidence directory cannot be written for want of space."""


class BadInput(AnprError):
    """What was given is wrong and stays wrong: set it aside, never retry, say what would be right."""


class BadConfig(BadInput):
    """A setting is missing, unknown or out of range; the text holds its path."""


class BadSource(BadInput):
    """A video or picture that cannot be opened or holds nothing to decode."""


class BadModel(BadInput):
    """A network, its spec or its label map cannot be loaded or does not fit its spec."""


class BadRegistry(BadInput):
    """A vignette list with wrong rows; the text holds their line numbers."""


class BadWatchList(BadInput):
    """A watch list with wrong lines; the text holds their numbers."""
