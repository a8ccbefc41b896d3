"""Drawing: a chart is rectangles, lines, dots and few words; across in percent, down in pixels, to fit any width."""

from collections.abc import Sequence
from dataclasses import dataclass, field

HEIGHT = 150
TOP = 16
"""Room above the highest value for its label."""
BLUE, GREEN, ORANGE, GREY, INK = (
    "var(--in-progress)",
    "var(--resolved)",
    "var(--reopened)",
    "var(--line-strong)",
    "var(--ink-3)",
)


@dataclass(frozen=True, slots=True)
class Rect:
    x: str
    y: float
    width: str
    height: float
    fill: str
    opacity: str
    says: str


@dataclass(frozen=True, slots=True)
class Stroke:
    x1: str
    y1: float
    x2: str
    y2: float
    color: str
    width: float
    dashes: str | None


@dataclass(frozen=True, slots=True)
class Dot:
    x: str
    y: float
    fill: str
    says: str


@dataclass(frozen=True, slots=True)
class Word:
    x: str
    y: float
    text: str
    anchor: str


@dataclass
class Picture:
    """The shapes of one chart."""

    most: float
    """The value at the upper edge."""
    height: int = HEIGHT
    foot: int = 0
    """Room below the ground for words."""
    rects: list[Rect] = field(default_factory=list)
    strokes: list[Stroke] = field(default_factory=list)
    dots: list[Dot] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)

    def y(self, value: float) -> float:
        """How far down a value stands."""
        return round(self.ground - (self.ground - TOP) * value / (self.most or 1), 1)

    @property
    def ground(self) -> int:
        return self.height - self.foot

    def rect(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        fill: str,
        *,
        says: str = "",
        opacity: float = 1,
    ) -> None:
        self.rects.append(
            Rect(percent(x), round(y, 1), percent(width), round(height, 1), fill, f"{opacity:.2f}", says)
        )

    def bar(self, x: float, width: float, value: float, fill: str, says: str) -> None:
        """A bar from the ground up; of no value there is none."""
        if value:
            top = min(self.y(value), self.ground - 2)
            self.rect(x, top, width, self.ground - top, fill, says=says)

    def line(self, points: Sequence[tuple[float, float]], color: str) -> None:
        """From point to point: (across in percent, value)."""
        for (x1, one), (x2, two) in zip(points, points[1:], strict=False):
            self.strokes.append(Stroke(percent(x1), self.y(one), percent(x2), self.y(two), color, 2, None))
        if len(points) == 1:
            self.dot(points[0][0], points[0][1], color, "")

    def level(self, value: float, text: str, *, dashes: str | None = None, color: str = GREY) -> None:
        """A line across with its name."""
        y = self.y(value)
        self.strokes.append(Stroke("0%", y, "100%", y, color, 1, dashes))
        self.words.append(Word("0%", round(y - 4, 1), text, "start"))

    def dot(self, x: float, value: float, fill: str, says: str) -> None:
        self.dots.append(Dot(percent(x), self.y(value), fill, says))


def percent(value: float) -> str:
    return f"{value:.2f}%"
