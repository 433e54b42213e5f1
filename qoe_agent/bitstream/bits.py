"""Bit by bit reading, as the parameter sets of video codecs are written (ITU-T H.264 §7.2, §9.1)."""

from __future__ import annotations


class OutOfBits(ValueError):
    """The bytes end, or hold no sane number, where the syntax wants one."""


class Bits:
    """A cursor over bytes; raises OutOfBits instead of inventing what is not there."""

    __slots__ = ("_data", "_end", "pos")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._end = len(data) * 8
        self.pos = 0
        """The next bit."""

    def u(self, n: int) -> int:
        """An unsigned number of `n` bits, most significant first."""
        pos = self.pos
        end = pos + n
        if end > self._end:
            raise OutOfBits(f"{n} bits wanted at {pos} of {self._end}")
        self.pos = end
        value = int.from_bytes(self._data[pos >> 3 : (end + 7) >> 3], "big")
        return (value >> (-end & 7)) & ((1 << n) - 1)

    def flag(self) -> bool:
        """One bit."""
        return self.u(1) == 1

    def skip(self, n: int) -> None:
        """Pass over `n` bits."""
        if self.pos + n > self._end:
            raise OutOfBits(f"{n} bits to skip at {self.pos} of {self._end}")
        self.pos += n

    def ue(self) -> int:
        """An unsigned Exp-Golomb number (H.264 §9.1)."""
        zeros = 0
        while not self.u(1):
            zeros += 1
            if zeros > 32:
                raise OutOfBits("no Exp-Golomb code has more than 32 leading zeros")
        return (1 << zeros) - 1 + self.u(zeros)

    def se(self) -> int:
        """A signed Exp-Golomb number (H.264 §9.1.1)."""
        k = self.ue()
        return (k + 1) // 2 if k & 1 else -(k // 2)

    def uvlc(self) -> int:
        """AV1's uvlc(): like `ue`, but 32 or more leading zeros mean the largest number (AV1 §4.10.3)."""
        zeros = 0
        while not self.u(1):
            zeros += 1
        return (1 << zeros) - 1 + self.u(zeros) if zeros < 32 else (1 << 32) - 1


class Digits(Bits):
    """The same over a short header, spelled out as text at first: many small fields cost a third."""

    __slots__ = ("_text",)

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._text = bin(int.from_bytes(b"\1" + data, "big"))[3:]

    def u(self, n: int) -> int:
        """An unsigned number of `n` bits, most significant first."""
        pos = self.pos
        end = pos + n
        if end > self._end:
            raise OutOfBits(f"{n} bits wanted at {pos} of {self._end}")
        self.pos = end
        return int(self._text[pos:end], 2) if n else 0

    def flag(self) -> bool:
        """One bit."""
        pos = self.pos
        if pos >= self._end:
            raise OutOfBits(f"a bit wanted at {pos} of {self._end}")
        self.pos = pos + 1
        return self._text[pos] == "1"

    def ue(self) -> int:
        """An unsigned Exp-Golomb number (H.264 §9.1)."""
        pos = self.pos
        one = self._text.find("1", pos, pos + 33)
        end = 2 * one - pos + 1
        if one < 0 or end > self._end:
            raise OutOfBits(f"no Exp-Golomb code at {pos} of {self._end}")
        self.pos = end
        return int(self._text[one:end], 2) - 1
