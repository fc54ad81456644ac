"""How far one partition has been worked off: the arithmetic that Faust does per offset, done per chunk.

Faust's own looks for consecutive offsets. Chunks jump from last offset to last offset, which it takes for gaps: its
position lags, or (with several streams) runs past a message that nobody acked.
"""


class Acks:
    """Chunks handed out by one partition and not yet passed.

    >>> acks = Acks(100)
    >>> acks.hand_out(150); acks.hand_out(170); acks.hand_out(300)
    >>> acks.give_back(170); acks.position
    100
    >>> acks.give_back(150); acks.position
    170
    """

    __slots__ = ("_out", "position")

    def __init__(self, position: int) -> None:
        self.position = position
        """Everything before it was given back: the highest position that may be committed."""
        self._out: dict[int, bool] = {}

    def hand_out(self, end: int) -> None:
        """A chunk that ends at this position is on its way to an agent; ends arrive in rising order."""
        self._out[end] = False

    def give_back(self, end: int) -> None:
        """The chunk that ends here is done. One that was never handed out, or already passed, changes nothing."""
        if end not in self._out:
            return
        self._out[end] = True
        while self._out:
            first, done = next(iter(self._out.items()))
            if not done:
                return
            self.position = first
            del self._out[first]

    def pass_by(self, position: int) -> None:
        """A checkpoint covers everything before `position`, whether its chunks were given back or not."""
        for chunk_end in [chunk_end for chunk_end in self._out if chunk_end <= position]:
            del self._out[chunk_end]
        self.position = max(self.position, position)

    def __len__(self) -> int:
        """Chunks still out."""
        return len(self._out)
