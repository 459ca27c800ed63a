"""Makes the documentation site: the pages of the repository, and a reference that follows from the code."""
