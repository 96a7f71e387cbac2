"""How many machines one run keeps busy at once."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, nullcontext

# Half of an end is waiting for whoever ends: two at once keep a processor about as busy as one start does (measured).
ENDS = 2


class Turns:
    """Machines that share processors take turns with what needs one; `abreast` may be busy at once (None: all)."""

    def __init__(self, abreast: int | None = None) -> None:
        self._work = asyncio.Semaphore(abreast) if abreast else nullcontext()
        self._end = asyncio.Semaphore(abreast * ENDS) if abreast else nullcontext()

    def work(self) -> AbstractAsyncContextManager[None]:
        """The turn of one machine to unpack, to write its files or to start something."""
        return self._work

    def end(self) -> AbstractAsyncContextManager[None]:
        """The turn of one machine to stop what goes. Nothing else of a run is left by then."""
        return self._end
