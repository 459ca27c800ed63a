"""What comes back: plain data, frozen, comparable and picklable."""

from projectcor._native import Issue, ItemResult, Progress, Project, Results, Summary

__all__ = ["Issue", "ItemResult", "Progress", "Project", "Results", "Summary"]
