"""How many calls an endpoint gets at once, found out from how it does."""

_AFTER_FAILURE = 0.5
_AFTER_SLOWNESS = 0.9


class AdaptiveLimit:
    """Additive increase, multiplicative decrease (Chiu and Jain 1989): a calm call adds one to as many calls as the
    limit has, a failed one halves it, a slow one takes a tenth. Calls that were under way when it was cut do not cut it
    again: they tell of the same trouble. Not for several threads at once: its owner holds a lock."""

    def __init__(self, most: int, *, target_seconds: float) -> None:
        """`target_seconds`: the longest wait for the first piece that counts as calm."""
        self._most = most
        self._target_seconds = target_seconds
        self._size = float(most)
        self.period = 0
        """Grows with each cut; a call remembers the one in which it began."""

    @property
    def size(self) -> int:
        """From 1 to the most that the settings allow."""
        return int(self._size)

    def answered(self, first_piece_seconds: float, *, period: int) -> None:
        """The first piece of a call came."""
        if first_piece_seconds <= self._target_seconds:
            self._size = min(float(self._most), self._size + 1 / self._size)
        else:
            self._cut(_AFTER_SLOWNESS, period)

    def failed(self, *, period: int) -> None:
        """The call timed out, was refused for want of room, or its server is away."""
        self._cut(_AFTER_FAILURE, period)

    def _cut(self, factor: float, period: int) -> None:
        if period == self.period:
            self._size = max(1.0, self._size * factor)
            self.period += 1
