"""The looks of one connection: called on a decode thread, each isolated, asked what they want to see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from qoe_agent.maths.view import View
    from qoe_agent.probes import PictureLook, SoundLook


class Guard:
    """A look that cannot hurt: one that raises, or whose probe is out, is asked nothing more."""

    __slots__ = ("_look", "_out", "_raised")

    def __init__(self, look: Any, out: Callable[[], bool], raised: Callable[[Exception], None]) -> None:
        """`out`: its probe was taken out; `raised`: told once what the look raised, on the decode thread."""
        self._look, self._out, self._raised = look, out, raised

    def __call__(self, *seen: Any) -> Any:
        """What the look says of a picture or sound."""
        return self._ask(self._look, *seen)

    def suspects(self, view: View) -> bool:
        """Whether it would want every picture between the last one and this; looks without an opinion do not."""
        asked = getattr(self._look, "suspects", None)
        return asked is not None and bool(self._ask(asked, view))

    @property
    def alert(self) -> bool:
        """Whether it wants every picture now."""
        return bool(self._ask(getattr, self._look, "alert", False))

    @property
    def began(self) -> bool:
        """Whether something began with the last picture that the next key frame tells more of."""
        return bool(self._ask(getattr, self._look, "began", False))

    @property
    def moves(self) -> bool:
        """Whether it knows that what it saw last moved."""
        return bool(self._ask(getattr, self._look, "moves", False))

    @property
    def when(self) -> str:
        """Which sound it hears (see `SoundLook`)."""
        return getattr(self._look, "when", "always")

    @property
    def keen(self) -> bool:
        """Whether it wants all sound now."""
        return bool(self._ask(getattr, self._look, "keen", False))

    def _ask(self, asked: Callable[..., Any], *arguments: Any) -> Any:
        if self._look is None or self._out():
            return None
        try:
            return asked(*arguments)
        except Exception as error:  # session isolation, on a decode thread
            self._look = None
            self._raised(error)
            return None


@dataclass(frozen=True, slots=True)
class Looks:
    """The looks of one connection, by the names of their probes."""

    pictures: Mapping[str, PictureLook]
    sounds: Mapping[str, SoundLook]

    @classmethod
    def made(
        cls, pictures: Mapping[str, Callable[[], PictureLook | None]], sounds: Mapping[str, Callable[[], Any | None]]
    ) -> Looks:
        """New ones; what gives None (its probe is out) is left out."""
        seeing = {name: look for name, make in pictures.items() if (look := make()) is not None}
        return cls(seeing, {name: look for name, make in sounds.items() if (look := make()) is not None})

    def suspects(self, view: View) -> bool:
        """Whether any look would want every picture between the last one that it saw and this."""
        return any(look.suspects(view) for look in self.pictures.values() if hasattr(look, "suspects"))

    @property
    def alert(self) -> bool:
        """Whether any look wants every picture now."""
        return any(getattr(look, "alert", False) for look in self.pictures.values())

    @property
    def began(self) -> bool:
        """Whether any look wants the next key frame, as something began with this one."""
        return any(getattr(look, "began", False) for look in self.pictures.values())

    @property
    def moves(self) -> bool:
        """Whether any look knows that what it saw last moved."""
        return any(getattr(look, "moves", False) for look in self.pictures.values())
