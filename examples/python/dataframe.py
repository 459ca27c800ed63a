# %% [markdown]
# # A table into COR
# In a notebook, cell by cell; or as a script, as `update.py` says. With polars the same lines work from `pl.read_csv`.

# %%
from io import StringIO

import pandas as pd
import projectcor

# %%
# Ids are text: read as numbers, 007 would have become 7.
export = StringIO("""\
opportunity,account,close_date,close_value,owner
SF-OPP-12345,Website Redesign,2025-05-31,18000.10,Kim
SF-OPP-99999,Unknown,,,Lee
""")
deals = pd.read_csv(export, dtype={"opportunity": str})

# %%
# Columns are called like the fields they set; what is not to be sent is left out. Empty cells keep what COR has.
updates = deals.rename(columns={"account": "name", "close_date": "end", "close_value": "estimated"})
updates = updates[["opportunity", "name", "end", "estimated"]]

# %%
with projectcor.Client() as client:
    results = client.projects.update_many(updates, source="SALESFORCE", id_column="opportunity", progress=True)
    failed = [{**deals.loc[item.index].to_dict(), "error": str(item.error)} for item in results if item.error]

# %%
print(results.summary)
print(pd.DataFrame(failed).to_string(index=False))
