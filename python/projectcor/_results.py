"""What comes back: plain data, frozen, comparable and picklable."""

from projectcor._native import (
    Deleted,
    FieldComparison,
    Issue,
    ItemResult,
    Progress,
    Project,
    ReadResult,
    Results,
    Summary,
    compare,
)

__all__ = [
    "Deleted",
    "FieldComparison",
    "Issue",
    "ItemResult",
    "Progress",
    "Project",
    "ReadResult",
    "Results",
    "Summary",
    "compare",
]
