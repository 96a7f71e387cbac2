"""Text that is not YAML at all: what the parser's complaint means to a person, and what to do."""

from __future__ import annotations

import re
from dataclasses import dataclass

import yaml
from yaml.reader import ReaderError

from outlast.kernel.errors import Finding
from outlast.site.places import Lines, Position
from outlast.site.wording import one_line


@dataclass(frozen=True, slots=True)
class _Complaint:
    pattern: str
    what: str
    why: str
    fix: str
    where_it_began: bool = False


_QUOTE = 'put the text in quotes, as in `run: "..."`'
_COMPLAINTS = (
    _Complaint(
        r"found character '\\t'",
        "a tab stands where spaces must",
        "YAML is indented with spaces; the width of a tab is anybody's guess",
        "replace each tab by spaces, two for each level",
    ),
    _Complaint(
        r"found character '(?P<sign>.)' that cannot start",
        "an unquoted text cannot start with `{sign}`",
        "YAML keeps this sign for itself",
        _QUOTE,
    ),
    _Complaint(
        r"mapping values are not allowed",
        "a key cannot stand here",
        "the line has a second `: `, or is indented as if it belonged to the value above it",
        "put a value that contains `: ` in quotes, or give this line the indentation of its neighbours",
    ),
    _Complaint(
        r"could not find expected ':'",
        "a key without its colon",
        "every line of a mapping is `key: value`, with a space after the colon",
        "add the colon and the space, or indent the line when it continues the text above it",
    ),
    _Complaint(
        r"while scanning a quoted scalar.*unexpected end",
        "a quoted text is never closed",
        "everything up to the end of the file became part of it",
        "add the closing quote where the text ends",
        where_it_began=True,
    ),
    _Complaint(
        r"found unknown escape character|expected escape sequence",
        "a backslash in double quotes is followed by a character that has no meaning there",
        "in double quotes a backslash starts an escape such as `\\n`",
        "use single quotes, which take every character as it is",
    ),
    _Complaint(
        r"while parsing a flow (?P<kind>sequence|mapping|node)",
        "a bracket is never closed, or a comma is missing",
        "between `[` and `]` or `{{` and `}}` stand values with commas between them",
        "close the bracket in the same line, as in `routes: [/, /api]`",
        where_it_began=True,
    ),
    _Complaint(
        r"found undefined alias '(?P<name>[^']*)'",
        "`*{name}` refers to an anchor that is not above it",
        "an unquoted `*` refers to a part of the file that was marked with `&`",
        "put the text in quotes if you mean the sign itself, or mark the part with `&{name}` first",
    ),
    _Complaint(
        r"while scanning an? (alias|anchor)",
        "`*` or `&` stands alone",
        "unquoted, these signs begin the name of an anchor",
        _QUOTE,
    ),
    _Complaint(
        r"expected a single document",
        "a second document starts here",
        "one site file describes one site; `---` begins another document",
        "remove the `---`, or move what follows to a file of its own",
    ),
    _Complaint(
        r"expected <block end>, but found '<scalar>'",
        "a value goes on after its closing quote",
        "quotes must enclose all of a value or nothing",
        "put quotes around the whole value, and use the other kind of quotes inside it",
    ),
    _Complaint(
        r"while parsing a block (mapping|collection)",
        "this line does not line up with the others",
        "all keys of a mapping, and all items of a list, start in the same column",
        "give the line the indentation of the keys that it belongs to",
    ),
)
_OTHER = _Complaint(
    r"",
    "this is not YAML: {problem}",
    "the parser cannot go on from here",
    "compare the line with an example: `outlast docs` shows one for every section",
)


def explain_syntax(error: Exception, reached: Position, text: str, file: str) -> Finding:
    """A finding for whatever the parser raised; `reached` is how far it came."""
    position, complaint, values = _read(error, reached, Lines(text), text)
    what, why, fix = (one_line(part.format(**values)) for part in (complaint.what, complaint.why, complaint.fix))
    return Finding(f"{file}:{position.line}:{position.column}", what, why, fix)


def _read(error: Exception, reached: Position, lines: Lines, text: str) -> tuple[Position, _Complaint, dict[str, str]]:
    if isinstance(error, ReaderError):
        return lines.after(text[: error.position]), _unprintable(ord(text[error.position])), {}
    if not isinstance(error, yaml.MarkedYAMLError):
        return reached, _OTHER, {"problem": "an escape names a character that does not exist"}
    problem = " ".join(filter(None, (error.context, error.problem)))
    fitting = ((c, found) for c in (*_COMPLAINTS, _OTHER) if (found := re.search(c.pattern, problem)))
    complaint, found = next(fitting)
    mark = (error.context_mark if complaint.where_it_began else None) or error.problem_mark
    position = lines.position(mark.line, mark.column) if mark else reached
    return position, complaint, {"problem": problem, **found.groupdict(default="")}


def _unprintable(code: int) -> _Complaint:
    return _Complaint(
        r"",
        f"an invisible character (U+{code:04X}) stands here",
        "YAML allows printable characters only; such ones come from copying out of other programs",
        "delete the character and type the text again",
    )
