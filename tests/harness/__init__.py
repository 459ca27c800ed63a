"""What the suites below tests/ share: the program, a sandbox, the CRM export, and the count of skipped tests."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The repository."""
