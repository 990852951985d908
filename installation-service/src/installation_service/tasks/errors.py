"""Why a task could not be read or kept."""

from cathouse.errors import NotFoundError, ServiceError


class TaskNotFoundError(NotFoundError):
    """There is no such task, or it is somebody else's."""

    title = "There is no such task"


class DueDatePastError(ServiceError):
    """A task is to be due at a time that is over."""

    code = "due_date_past"
    status = 422
    title = "The due date is in the past"

    def __init__(self) -> None:
        """Say what to do instead."""
        super().__init__(
            "A task cannot be made, or moved, to be due in the past. Choose a later time, or none.",
            errors=[{"location": "body.due_date", "message": "the time is in the past", "type": "due_date_past"}],
        )


class TaskQuotaError(ServiceError):
    """The cat has made as many tasks as it may."""

    code = "task_quota"
    status = 409
    title = "The cat has made too many tasks"

    def __init__(self, most: int) -> None:
        """``most`` is how many tasks of one installation's cat there may be."""
        super().__init__(
            f"There may be at most {most} tasks that a cat has made for one installation, completed ones among them."
            " The player can delete some."
        )
