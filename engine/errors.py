"""What can go wrong, as sentences fit to show a user: what happened, what was found, what to do."""


class EngineError(Exception):
    """Base of every error that the engine raises on purpose; its text is one clear sentence for the user."""


class BadInputError(EngineError):
    """The user's input cannot be served: a missing, empty, broken or unsuitable file, or an impossible setting."""


class TargetError(EngineError):
    """The place to write to cannot take the result: it exists, is read-only, is full or is the source itself."""


class MethodError(BadInputError):
    """A method is unknown, or cannot serve this input (mono for a spatial method, weights missing or not ours)."""


class WeightsError(BadInputError):
    """A weights file is missing, damaged, foreign or does not match its recorded hash."""


class Cancelled(EngineError):  # noqa: N818 - it is an outcome, not a fault
    """The work was cancelled on request; what was there before is untouched."""

    def __init__(self, what: str = "The work") -> None:
        super().__init__(f"{what} was cancelled; nothing that was there before has changed.")
