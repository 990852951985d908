"""Why a report was not taken, or not closed."""

from cathouse.errors import NotFoundError, ServiceError


class ReportNotFoundError(NotFoundError):
    """There is no report with this id."""

    title = "There is no such report"


class ReportOpenError(ServiceError):
    """The same person has reported the same cat, and no admin has looked yet."""

    code = "report_open"
    status = 409
    title = "You have reported this cat already"

    def __init__(self) -> None:
        """One at a time: more of them say no more."""
        super().__init__("Your report about this cat is still open. An admin is going to look at it.")


class ReportClosedError(ServiceError):
    """Another admin was quicker."""

    code = "report_closed"
    status = 409
    title = "The report is closed"

    def __init__(self, state: str) -> None:
        """``state`` is what became of it."""
        super().__init__(f"The report was {state} already.", state=state)
