"""What the API takes and gives: shapes of JSON."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Shape(BaseModel):
    """A body, a query, or the description of an answer.

    Its validator is built when it is first used: building all of them cost a tenth of a second of every start and
    3 MB of every process, most are of answers that are only described, and one takes a few milliseconds at most.
    """

    model_config = ConfigDict(defer_build=True)


def build_all() -> None:
    """For whoever describes them."""
    for shape in _below(Shape):
        shape.model_rebuild()
        shape.model_config["defer_build"] = False  # or FastAPI's own adapters of it are put off too, and then warn


def _below(shape: type[Shape]) -> list[type[Shape]]:
    return [one for direct in shape.__subclasses__() for one in (direct, *_below(direct))]
