"""How far an operator trusts a voice: whether it runs confined, and within which limits."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Field

from eleanor_core.settings.types import Section, absolute

AbsolutePath: TypeAlias = Annotated[Path, AfterValidator(absolute)]


class Confinement(Section):
    """What a voice under `isolation: process` may use. What is not granted here is refused."""

    memory_mb: int = Field(
        default=1024, ge=128, description="Address space of one worker, in MiB, Python's included."
    )
    cpu_seconds: int = Field(
        default=600, gt=0, description="CPU time of one worker, which is replaced at half of it."
    )
    open_files: int = Field(default=64, ge=16, description="Files that it may hold open.")
    workers: int = Field(
        default=2, gt=0, le=64, description="Workers; one answers while another is replaced."
    )
    network: bool = Field(default=False, description="May open sockets.")
    processes: bool = Field(default=False, description="May start other processes.")
    read: tuple[AbsolutePath, ...] = Field(
        default=(),
        description="Files and folders that it may read, beside Python's own and its data folder.",
        examples=[("/srv/models",)],
    )
    write: tuple[AbsolutePath, ...] = Field(
        default=(), description="Folders that it may write to.", examples=[("/srv/scratch",)]
    )
    best_effort: bool = Field(
        default=False,
        description="Run it also where this system cannot give every limit; `eleanor doctor` says "
        "which it cannot.",
    )
