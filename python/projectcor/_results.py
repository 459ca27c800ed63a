"""What comes back: plain data, frozen, comparable and picklable."""

from projectcor._native import Deleted, Issue, ItemResult, Progress, Project, Results, Summary

__all__ = ["Deleted", "Issue", "ItemResult", "Progress", "Project", "Results", "Summary"]
