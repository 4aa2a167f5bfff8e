"""How many frames a second one socket may send."""


class FrameRate:
    """A token bucket: `most` frames at once, and as many each second. Times are monotonic seconds.

    `refused` counts frames since the sender last kept to it: whoever goes on and on has no use for more answers.
    """

    __slots__ = ("_filled_at", "_left", "most", "refused")

    def __init__(self, most: int, now: float) -> None:
        self.most = most
        self.refused = 0
        self._left = float(most)
        self._filled_at = now

    def take(self, now: float) -> bool:
        """Take one frame; False when there have been too many."""
        self._left = min(self.most, self._left + (now - self._filled_at) * self.most)
        self._filled_at = now
        if self._left < 1:
            self.refused += 1
            return False
        if self._left == self.most:
            self.refused = 0
        self._left -= 1
        return True

    def is_hopeless(self) -> bool:
        """Whether a whole second's frames have been refused."""
        return self.refused >= self.most
