"""The steps of one run: each begins when somebody first asks for it and runs once, whoever else waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Steps:
    """Steps by their names."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[Any]] = {}

    def once(self, name: str, work: Callable[[], Coroutine[Any, Any, T]]) -> asyncio.Task[T]:
        """Start a step when it is first asked for; whoever asks later waits for the same run."""
        if name not in self._tasks:
            self._tasks[name] = asyncio.create_task(work(), name=name)
        return self._tasks[name]

    def forget(self, name: str) -> None:
        """The step runs anew when it is asked for again."""
        self._tasks.pop(name, None)

    async def cancel(self) -> None:
        """None of them goes on."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
