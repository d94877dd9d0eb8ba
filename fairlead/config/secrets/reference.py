"""Where a secret is kept, as people write it instead of the secret:

env:NAME                      a variable of this process
file:PATH                     a file: what is in it, without the white space around it; relative to the project
aws:ID                        AWS Secrets Manager, by name or ARN
aws:ID#KEY                    one key of the JSON object that is kept there
aws:ID?stage=AWSPREVIOUS#KEY  of another stage than AWSCURRENT
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from fairlead.errors import ConfigurationError

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_AWS = re.compile(r"(?P<where>[\w/+=.@:-]+)(\?stage=(?P<stage>[\w/+=.@-]+))?(#(?P<key>.+))?", re.ASCII)
KINDS = ("env", "file", "aws")


@dataclass(frozen=True, slots=True)
class Reference:
    """Never a secret itself: it may be shown, logged and kept. `key` and `stage` are "" where none is named."""

    kind: str
    where: str
    key: str = ""
    stage: str = ""

    def __str__(self) -> str:
        stage, key = self.stage and f"?stage={self.stage}", self.key and f"#{self.key}"
        return f"{self.kind}:{self.where}{stage}{key}"


def parse_reference(text: str) -> Reference | None:
    """None: it is no reference. Raises `ConfigurationError` for one that names nothing, and does not repeat it: it may
    be a secret after all."""
    kind, colon, where = text.partition(":")
    if not colon or kind not in KINDS:
        return None
    match kind:
        case "env" if _VARIABLE.fullmatch(where):
            return Reference(kind, where)
        case "file" if where and "\0" not in where:
            return Reference(kind, where)
        case "aws" if found := _AWS.fullmatch(where):
            return Reference(kind, found["where"], found["key"] or "", found["stage"] or "")
        case _:
            raise ConfigurationError(
                f"what begins with {kind}: says no place where a secret is kept.",
                hint="Write env:NAME, file:PATH, aws:ID, aws:ID#KEY or aws:ID?stage=AWSPREVIOUS#KEY.",
            )
