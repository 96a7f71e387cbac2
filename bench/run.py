"""How Outlast grows with the site: `sudo .venv/bin/python -m bench.run [--mesh]`. Prints ratios; judges nothing.

First the commands on `examples/large`, interpreter and all; then the processor time of each step for sites of up to ten
thousand machines, each size in a process of its own. `--mesh`: all app machines use the database.
"""

from __future__ import annotations

import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[1]
OUTLAST = Path(sys.executable).with_name("outlast")
SIZES = (200, 1000, 10_000)
COMMANDS = (("version",), ("check",), ("plan",), ("plan", "--json"))
ROUNDS = 7
LIMIT = 300.0


def main() -> None:
    """Measure the commands and the sizes, one table each."""
    console = Console(width=150, highlight=False)
    console.print(commands())
    mesh = "--mesh" in sys.argv
    found = {size: measure(size, mesh=mesh) for size in SIZES}
    console.print(growth(found))


def commands() -> Table:
    """How long the commands take on the largest example."""
    table = Table("command on examples/large", "least s", "median s", "most s", "processor s (median)")
    with tempfile.TemporaryDirectory() as folder:
        for name in ("large", "shop", "tiny"):
            shutil.copytree(ROOT / "examples" / name, Path(folder) / name, ignore=shutil.ignore_patterns(".outlast"))
        file = Path(folder) / "large" / "site.yaml"
        for verb, *rest in COMMANDS:
            options = () if verb == "version" else ("-f", str(file))
            taken = [seconds(str(OUTLAST), verb, *options, *rest) for _ in range(ROUNDS)]
            passed, worked = sorted(p for p, _ in taken), [w for _, w in taken]
            figures = (passed[0], statistics.median(passed), passed[-1], statistics.median(worked))
            table.add_row(" ".join((verb, *rest)), *(f"{figure:.2f}" for figure in figures))
        # `plan` has claimed networks for a lab that nobody will make.
        subprocess.run([str(OUTLAST), "down", "-f", str(file), "--yes"], check=True, capture_output=True, timeout=LIMIT)
    return table


def seconds(*argv: str) -> tuple[float, float]:
    """How long a command takes from its start to its end, and how much of a processor it used."""
    began, worked = time.perf_counter(), processor()
    subprocess.run(argv, check=True, capture_output=True, timeout=LIMIT)
    return time.perf_counter() - began, processor() - worked


def processor() -> float:
    """Seconds of processor time of all commands so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(size: int, *, mesh: bool) -> dict[str, Any]:
    """What `bench.size` finds for one size."""
    argv = (sys.executable, "-m", "bench.size", str(size), *(("--mesh",) if mesh else ()))
    done = subprocess.run(argv, check=True, capture_output=True, timeout=LIMIT, cwd=ROOT)
    return json.loads(done.stdout)


def growth(found: dict[int, dict[str, Any]]) -> Table:
    """Steps against sizes: seconds, and time per machine against the smallest size."""
    table = Table("step", *(f"{size:,} machines" for size in found))
    smallest = next(iter(found))
    for step, base in found[smallest]["seconds"].items():
        cells = [(taken := each["seconds"][step], taken / size / (base / smallest)) for size, each in found.items()]
        table.add_row(step, *(f"{taken:.3f} s  x{ratio:.2f} each" for taken, ratio in cells))
    total = {size: sum(each["seconds"].values()) for size, each in found.items()}
    base = total[smallest] / smallest
    table.add_row("all", *(f"{total[size]:.3f} s  x{total[size] / size / base:.2f} each" for size in found))
    table.add_row("rendered text", *(f"{each['text']:.1f} MiB" for each in found.values()))
    table.add_row("peak memory", *(f"{each['memory']:.0f} MiB" for each in found.values()))
    return table


if __name__ == "__main__":
    main()
