"""The `outlast` command: finds its verbs, and turns every failure into findings and an exit code.

Exit codes: 0 done, 1 failed, 2 usage or invalid site file, 3 a negative verdict, 130 interrupted.
"""

from __future__ import annotations

import errno
import signal
import sys
import traceback

import typer

# Typer carries Click inside and shows these classes of it nowhere else.
from typer._click.core import Context
from typer._click.exceptions import ClickException
from typer.completion import completion_init  # pyright: ignore[reportPrivateImportUsage]
from typer.core import TyperGroup

from outlast.cli import (
    chaos,
    check,
    completion,
    deploy,
    docs,
    doctor,
    down,
    events,
    exec_,
    init,
    logs,
    plan,
    prove,
    releases,
    rotate,
    scale,
    scan,
    simulate,
    ssh,
    status,
    up,
    upgrade,
    version,
)
from outlast.cli.output import as_json, err, print_findings, print_json
from outlast.kernel.errors import Finding, OutlastError

INTERRUPTED = 130


class StoppedError(Exception):
    """Somebody pressed Ctrl-C. Typer would turn it into a bare exit code, which a command may also mean otherwise."""


class _Verbs(TyperGroup):
    def invoke(self, ctx: Context) -> object:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise StoppedError from None


app = typer.Typer(
    name="outlast",
    cls=_Verbs,
    help="One site file becomes a complete, highly available web infrastructure.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
VERBS = (
    *(init, doctor, check, docs, plan, up, deploy, releases, upgrade, rotate, status, scale, events),
    *(logs, exec_, scan, prove, chaos, simulate, ssh, down, completion, version),
)
for verb in VERBS:
    verb.register(app)


def main() -> None:
    """Run the command line of this process."""
    # A shell that starts it in the background has it ignore SIGINT, and with that everything below.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Whoever asks it to end gets the same as Ctrl-C: the lock is freed, and what stays in place is said.
    signal.signal(signal.SIGTERM, lambda _number, _frame: signal.raise_signal(signal.SIGINT))
    # Without options of its own for it, Typer knows no shell when one asks for what `outlast completion` promised.
    completion_init()
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line and answer its exit code."""
    try:
        result: object = app(arguments, standalone_mode=False)
    except OutlastError as error:
        return _failed(error, arguments)
    except ClickException as error:
        error.show()
        return error.exit_code
    except (StoppedError, KeyboardInterrupt, typer.Abort):
        err.print("interrupted: the same command goes on where this one stopped")
        return INTERRUPTED
    except OSError as error:
        return _failed(OutlastError(_from_system(error)), arguments)
    except Exception as error:  # noqa: BLE001 - the last door: nothing may leave as a traceback
        if {"-v", "--verbose"} & set(arguments):
            err.print(traceback.format_exc(), markup=False)
        return _failed(OutlastError(_own_fault(error)), arguments)
    return result if isinstance(result, int) else 0


def _failed(error: OutlastError, arguments: list[str]) -> int:
    if "--json" in arguments:
        print_json(as_json(error.findings))
    else:
        print_findings(error.findings)
    return error.exit_code


def _from_system(error: OSError) -> Finding:
    fixes = {
        errno.ENOSPC: "make room on the disk, then run the same command again: it resumes",
        errno.EACCES: "run it as a user who may, for the lab with sudo",
        errno.EPERM: "run it as a user who may, for the lab with sudo",
        errno.EMFILE: "raise the limit of open files (`ulimit -n`)",
    }
    where = str(error.filename or "this box")
    fix = fixes.get(error.errno or 0, "mend what the message names, then run the same command again: it resumes")
    return Finding(where, "the operating system said no", error.strerror or str(error), fix)


def _own_fault(error: Exception) -> Finding:
    return Finding(
        where="outlast",
        what=f"a fault in Outlast itself: {type(error).__name__}",
        why=str(error) or "no reason was given",
        fix="run it again with -v and report what it prints; the site is as it was, and the same command resumes",
    )
