"""Values of which every model call makes several: frozen for the type checker, who is strict, and not again at run
time. There each field of a frozen dataclass is set through a call: of a request, its tries and its reply these took a
tenth of what the whole gateway took.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(cls: type[T]) -> type[T]:
    return dataclass(slots=True, unsafe_hash=True)(cls)
