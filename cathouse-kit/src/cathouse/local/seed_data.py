"""What the seed writes: three accounts, a household of believable cats, and one person's tasks."""

import uuid
from dataclasses import dataclass, field

from cathouse.schema import PermissionType, Role, TaskPriority

_NAMESPACE = uuid.UUID("5c0f9a52-6d0e-4f7e-9d0b-3f3f6b1c7a10")


def seed_id(name: str) -> uuid.UUID:
    """The id of a seeded row: the same in every database."""
    return uuid.uuid5(_NAMESPACE, name)


@dataclass(frozen=True, slots=True)
class SeedUser:
    """An account whose password everybody knows."""

    email: str
    password: str
    display_name: str
    role: Role

    @property
    def id(self) -> uuid.UUID:
        """Unless the address had an account before."""
        return seed_id(self.email)


@dataclass(frozen=True, slots=True)
class SeedCat:
    """A cat that the demo process answers for, under its slug."""

    slug: str
    name: str
    description: str
    tags: tuple[str, ...]
    permissions: dict[PermissionType, tuple[str, bool]] = field(default_factory=dict)

    @property
    def id(self) -> uuid.UUID:
        """The same in every database, so that the demo process can derive the cat's secret."""
        return seed_id(self.slug)


@dataclass(frozen=True, slots=True)
class SeedTask:
    """A task; ``due_in_days`` from the day of seeding; completed ones were done ``done_days_ago``."""

    title: str
    description: str | None
    priority: TaskPriority
    tags: tuple[str, ...]
    due_in_days: int | None = None
    done_days_ago: int | None = None


PLAYER = SeedUser("test@example.com", "Test123!@#", "Test Player", Role.PLAYER)
DEVELOPER = SeedUser("developer@example.com", "Test123!@#Test123!@#", "Dora Developer", Role.DEVELOPER)
ADMIN = SeedUser("admin@example.com", "Test123!@#Test123!@#", "Ada Admin", Role.ADMIN)
USERS = (PLAYER, DEVELOPER, ADMIN)

DEMO_CAT = SeedCat(
    "demo-cat",
    "Demo Cat",
    "Remembers how often you visited, and tells you about it when you let it. The code is in cathouse.local.demo_cat:"
    " a place to begin when you write a cat of your own.",
    ("demo", "friendly"),
    {
        PermissionType.STORAGE: ("To count your visits.", True),
        PermissionType.NOTIFICATION: ("To greet you in your inbox when you ask for it.", False),
    },
)
CATS = (
    DEMO_CAT,
    SeedCat(
        "whisker-weather",
        "Whisker Weather",
        "Looks out of the window for you. Tell it where you live once, and it says every morning whether you"
        " need a coat.",
        ("weather", "daily", "outdoors"),
        {
            PermissionType.STORAGE: ("To remember where you live.", True),
            PermissionType.NOTIFICATION: ("To warn you before it rains.", False),
        },
    ),
    SeedCat(
        "professor-paws",
        "Professor Paws",
        "A patient study companion: asks you questions from your own notes, keeps score, and never sighs at"
        " a wrong answer.",
        ("study", "quiz", "languages"),
        {
            PermissionType.STORAGE: ("To keep your notes and your score.", True),
            PermissionType.TASKS: ("To plan your next lesson.", False),
        },
    ),
    SeedCat(
        "night-purr",
        "Night Purr",
        "Tells quiet stories until you fall asleep, a new one each evening, in the voice of a very old cat.",
        ("stories", "sleep", "calm"),
        {},
    ),
    SeedCat(
        "tidy-tom",
        "Tidy Tom",
        "Turns what you mumble into a list of tasks, sorts it by what matters, and nags gently about the rest.",
        ("productivity", "tasks", "home"),
        {
            PermissionType.TASKS: ("To write down what has to be done.", True),
            PermissionType.NOTIFICATION: ("To nag, gently.", False),
        },
    ),
    SeedCat(
        "chef-mau",
        "Chef Maü",
        "Cooks with what is left in your fridge. Knows forty ways to use half a cabbage and remembers what"
        " you cannot stand.",
        ("cooking", "recipes", "home"),
        {PermissionType.STORAGE: ("To remember what you cannot stand.", False)},
    ),
)

TASKS = (
    SeedTask(
        "Buy oat milk",
        "Two litres; the cat does not get any.",
        TaskPriority.LOW,
        ("shopping",),
        due_in_days=1,
    ),
    SeedTask(
        "Prepare Friday's presentation",
        "Ten slides at most, and one picture of a cat.",
        TaskPriority.HIGH,
        ("work", "talk"),
        due_in_days=4,
    ),
    SeedTask("Renew the library card", None, TaskPriority.MEDIUM, ("errands",), done_days_ago=2),
    SeedTask("Book the dentist", "Ask for a morning.", TaskPriority.MEDIUM, ("health", "calls"), done_days_ago=5),
    SeedTask("Water the plants", None, TaskPriority.LOW, ("home",), done_days_ago=0),
)
