"""Looks at pictures: how alike frames of a test and of a reference are, once what is the same in all is fitted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np

from qoe_agent.compare.aligning import doubts, likeness
from qoe_agent.compare.aligning.likeness import WHOLE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]
    Singles = NDArray[np.float32]
    Numbers = NDArray[np.int64]

F = TypeVar("F")


class Look(Protocol[F]):
    """How alike frames of the test and of the reference are, once what is the same in all of them is fitted."""

    pixels: float
    """How many values of a picture say something of their own."""
    lost: float
    """Mean square difference, at least, of a frame that is not found."""
    late: float
    """Times the usual error by which a picture that leans on others may look more like an older one."""
    coded: float
    """By how much more than that pictures may differ that were made from one and coded twice."""
    dear: float
    """Times the usual price of another lag."""
    close: bool
    """Whether it sees enough for edges to be fitted anew before the path is moved as a whole."""

    def fitted(self, on: Numbers, frames: Numbers, near: F | None = None) -> F:
        """From frames `on` of the test that show those `frames`; `near`: a fit for frames not far from these."""

    def table(self, some: Numbers, frames: Numbers, fit: F) -> Singles:
        """Mean square differences of each of the test's frames `some` and each of the reference's."""

    def apart(self, some: Numbers, frames: Numbers, fit: F) -> Singles:
        """The same, one by one."""

    def priced(self, excess: Singles, usual: Singles, fresh: NDArray[np.bool_]) -> Singles:
        """Nats of a mean square difference above the least, where `usual` is what coding leaves."""

    def loose(self, fit: F) -> bool:
        """Whether edges are fitted that another lag would have elsewhere."""

    def enough(self, fit: F) -> float:
        """Nats by which a path must be better than another, to which all is fitted anew."""


class Broad:
    """By fingerprints of 32 x 18."""

    pixels = likeness.PIXELS
    lost = 0.0
    late = 0.0
    coded = 0.75
    dear = 1.0
    close = False

    def __init__(self, test: Bytes, reference: Bytes) -> None:
        self.test, self.reference = test, reference
        self.ours = test.reshape(len(test), -1).astype(np.float32)

    def fitted(self, on: Numbers, frames: Numbers, near: likeness.Fit | None = None) -> likeness.Fit:
        """The whole picture, where that was found `near`."""
        return likeness.fitted(self.test[on], self.reference[frames], frames=near is None or near.frame != WHOLE)

    def table(self, some: Numbers, frames: Numbers, fit: likeness.Fit) -> Singles:
        """Mean square differences of each and each."""
        return likeness.squares(self.ours[some], fit.predicted(self.reference[frames]), fit.weights)

    def apart(self, some: Numbers, frames: Numbers, fit: likeness.Fit) -> Singles:
        """One by one."""
        apart = np.square(self.ours[some] - fit.predicted(self.reference[frames])) * fit.weights
        return np.asarray(apart.sum(axis=1), np.float32)

    def priced(self, excess: Singles, usual: Singles, fresh: NDArray[np.bool_]) -> Singles:
        """Nats; little of what pictures that lean on others differ by."""
        return likeness.price(excess, usual, fresh)

    def loose(self, fit: likeness.Fit) -> bool:
        """Its pixels are too large for that."""
        return False

    def enough(self, fit: likeness.Fit) -> float:
        """As much as anywhere."""
        return doubts.ENOUGH
