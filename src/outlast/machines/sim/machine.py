"""An open connection to a simulated machine: run, put, get, with the answers and the errors of a real one."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from outlast.contract.probe import Output
from outlast.kernel.errors import Finding, OutlastError, Unreachable
from outlast.machines.machine import ExitError, Result, unanswered
from outlast.machines.sim import sandbox
from outlast.machines.sim.beside import Reader
from outlast.machines.sim.program import run_program
from outlast.machines.sim.world import World
from outlast.machines.yielding import YIELDS

PIECE = 1 << 20


class SimMachine:
    """Made by `Sim.connect`. It ends when the machine loses its power, as a real connection does."""

    def __init__(self, name: str, world: World) -> None:
        self._name = name
        self._world = world
        self._root = world.disk.root(name)
        self._boot = self._booted()
        self._open = True

    @property
    def name(self) -> str:
        """The machine's name."""
        return self._name

    async def run(self, argv: Sequence[str], *, stdin: bytes | Path = b"", limit: float = 60.0) -> Result:
        """Run `argv`: a Python program on the simulated machine, a word to its systemd or engines, or a real command
        in a sandbox."""
        self._answering()
        if isinstance(stdin, Path):
            stdin = await asyncio.to_thread(stdin.read_bytes)
        if tuple(argv[: len(YIELDS)]) == YIELDS:
            argv = argv[len(YIELDS) :]
        output = self._world.command(self._name, tuple(argv))
        if output is None:
            match list(argv):
                case ["python3", "-c", text, *words] | ["python3", "-I", "-S", "-c", text, *words]:
                    words = ["-c", *words]
                    output = run_program(text, words, stdin.decode(), self._root, self._world.clock, self._command)
                case _:
                    return await self._sandboxed(argv, stdin, limit)
        return Result(output.returncode, output.stdout.encode(), output.stderr.encode())

    async def lines(self, argv: Sequence[str], *, stdin: bytes = b"", limit: float = 60.0) -> AsyncIterator[str]:
        """Run `argv`, yielding what it prints: a Python program's lines as they come, all others' at their end."""
        match list(argv):
            case ["python3", "-c", text, *words] | ["python3", "-I", "-S", "-c", text, *words]:
                async for line in self._followed(text, words, stdin, limit):
                    yield line
            case _:
                done = await self.run(argv, stdin=stdin, limit=limit)
                for line in (done.stdout + done.stderr).decode(errors="replace").splitlines():
                    yield line.rstrip()
                if done.returncode != 0:
                    raise ExitError(done.returncode)

    async def _followed(self, text: str, words: Sequence[str], stdin: bytes, limit: float) -> AsyncIterator[str]:
        """The lines of a program that runs in a thread of its own until it ends or nobody reads on."""
        self._answering()
        loop = asyncio.get_running_loop()
        came = asyncio.Queue[str | None]()
        reader = Reader(lambda line: loop.call_soon_threadsafe(came.put_nowait, line) and None)
        call = (text, ["-c", *words], stdin.decode(), self._root, self._world.clock, self._command, reader)
        # Not the loop's own threads: they are few, and whoever is read for long would keep one.
        thread = ThreadPoolExecutor(1)
        running = loop.run_in_executor(thread, run_program, *call)
        running.add_done_callback(lambda _: came.put_nowait(None))
        try:
            async with asyncio.timeout(limit) as clock:
                while (line := await came.get()) is not None:
                    self._answering()
                    # Around a `yield` the clock would interrupt whoever reads the lines.
                    until = clock.when()
                    clock.reschedule(None)
                    yield line
                    clock.reschedule(until)
        finally:
            reader.leave()
            ended = await asyncio.shield(running)
            thread.shutdown(wait=False)
        for line in ended.stderr.splitlines():
            yield line
        if ended.returncode != 0:
            raise ExitError(ended.returncode)

    async def put(self, path: str, content: bytes, *, mode: int = 0o644) -> None:
        """Replace one file, atomically."""
        self._answering()
        self._replace(path, [content], mode)

    async def put_file(self, path: str, source: Path, *, mode: int = 0o644) -> None:
        """Replace one file by a local one of any size."""
        self._answering()
        with source.open("rb") as file:
            self._replace(path, iter(lambda: file.read(PIECE), b""), mode)

    async def get(self, path: str) -> bytes:
        """The content of one file."""
        self._answering()
        try:
            return self._inside(path).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            raise FileNotFoundError(path) from None
        except OSError as error:
            raise OutlastError(self._refused(f"{path} cannot be read", error)) from None

    async def close(self) -> None:
        """End the connection."""
        self._open = False

    def _command(self, argv: tuple[str, ...], stdin: str, limit: float) -> Output:
        """A command that a program on the machine runs."""
        known = self._world.command(self._name, argv)
        if known is not None:
            return known
        return sandbox.run(self._root, argv, stdin, limit)

    async def _sandboxed(self, argv: Sequence[str], stdin: bytes, limit: float) -> Result:
        sandbox.refuse_without()
        process = await asyncio.create_subprocess_exec(
            *sandbox.inside(self._root, argv),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=sandbox.ENVIRONMENT,
        )
        try:
            async with asyncio.timeout(limit):
                out, err = await process.communicate(stdin)
        except TimeoutError:
            raise Unreachable(unanswered(self._name, f"`{argv[0]}` did not end within {limit:g} s")) from None
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        return Result(process.returncode or 0, out, err)

    def _booted(self) -> str:
        state = self._world.systemd(self._name).state()
        return state.boot if state else ""

    def _answering(self) -> None:
        """Raises `Unreachable` when the machine is off, was off since, or is cut off."""
        broken = self._world.disk.breakage()
        if not self._open:
            raise Unreachable(unanswered(self._name, "the connection is closed"))
        if not self._boot or self._booted() != self._boot:
            raise Unreachable(unanswered(self._name, "its power is off, or was since"))
        if self._name in broken.cut or broken.loss(self._name) >= 1:
            raise Unreachable(unanswered(self._name, "no packet comes back"))

    def _replace(self, path: str, pieces: object, mode: int) -> None:
        target = self._inside(path)
        temporary = target.with_name(f"{target.name}.{os.urandom(4).hex()}")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as file:
                file.writelines(pieces)  # pyright: ignore[reportArgumentType]
            temporary.chmod(mode)
            temporary.replace(target)
        except OSError as error:
            with suppress(OSError):
                temporary.unlink()
            raise OutlastError(self._refused(f"{path} cannot be written", error)) from None

    def _inside(self, path: str) -> Path:
        if ".." in Path(path).parts:
            raise OutlastError(self._refused(f"{path} is no path", ValueError("it leads up")))
        return self._root / path.lstrip("/")

    def _refused(self, what: str, error: Exception) -> Finding:
        why = getattr(error, "strerror", None) or str(error)
        return Finding(self._name, what, why, "mend what the message names, then run the same command again")
