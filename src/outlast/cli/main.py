"""The `outlast` command: finds its verbs, and turns every failure into findings and an exit code.

Exit codes: 0 done, 1 failed, 2 usage or invalid site file, 3 a negative verdict, 130 interrupted.
"""

from __future__ import annotations

import errno
import signal
import sys
import traceback
from importlib import import_module

import typer

# Typer carries Click inside and shows these classes of it nowhere else.
from typer._click.core import Context
from typer._click.exceptions import ClickException
from typer.completion import completion_init  # pyright: ignore[reportPrivateImportUsage]
from typer.core import TyperGroup

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


VERBS = {
    **{name: name for name in ("init", "doctor", "check", "docs", "plan", "up")},
    "deploy": "deploy",
    "rollback": "deploy",
    **{name: name for name in ("releases", "upgrade", "rotate", "status", "scale", "events", "logs")},
    "exec": "exec_",
    **{name: name for name in ("scan", "prove", "chaos", "simulate", "ssh", "down", "completion", "version")},
}
"""Every verb, in the order of the help, and the module of this folder that it is in."""


def application(first: str = "") -> typer.Typer:
    """The command line. With the first word of one, when that is a verb, only what that verb needs: to import all of
    them takes longer than many a command."""
    app = typer.Typer(
        name="outlast",
        cls=_Verbs,
        help="One site file becomes a complete, highly available web infrastructure.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
    )
    # With one of its own Typer takes a single verb for one of several.
    app.callback()(_nothing)
    for module in dict.fromkeys([VERBS[first]] if first in VERBS else VERBS.values()):
        import_module(f"outlast.cli.{module}").register(app)
    return app


def _nothing() -> None:
    return


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
        result: object = application(next(iter(arguments), ""))(arguments, standalone_mode=False)
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
