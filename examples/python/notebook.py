# A notebook shows the last value of a cell.
# ruff: noqa: B018
# pyright: reportUnusedExpression=false

# %% [markdown]
# # Keep a data frame in sync with COR
# In a notebook, cell by cell; or as a script. It starts a sandbox of its own, so it needs no account.

# %%
import pandas as pd
from projectcor.testing import Sandbox

projects = [{"source": "SALESFORCE", "id": f"SF-{n}", "name": f"Project {n}", "estimated_time": 40} for n in range(8)]
sandbox = Sandbox(seed=projects)
client = sandbox.client()

# %% [markdown]
# ## What would change
# `plan` sends nothing. SF-3 has a day that does not exist, and COR has no project SF-9.

# %%
deals = pd.DataFrame(
    {
        "id": [f"SF-{n}" for n in (0, 1, 2, 3, 9)],
        "name": ["Website relaunch", None, "Brand book", None, "Menu"],
        "end": ["2026-12-18", "2027-01-29", None, "2027-02-30", "2027-03-12"],
        "estimated_time": [60, 40, 75.5, 20, 10],
    }
)
plan = client.projects.plan(deals, source="SALESFORCE", state=sandbox.state)
plan

# %% [markdown]
# ## Send it

# %%
result = client.projects.sync(deals, source="SALESFORCE", state=sandbox.state, progress=True)
result

# %%
result.to_dataframe()

# %% [markdown]
# ## What COR has now

# %%
stored = {key: sandbox.project("SALESFORCE", key) for key in ("SF-0", "SF-1", "SF-2", "SF-3")}
print({key: str(project.fields["estimated_time"]) for key, project in stored.items() if project})
