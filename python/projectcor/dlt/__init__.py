"""A destination of `dlt <https://dlthub.com>`_: each row of a pipeline is a partial update of one of COR's projects.

Needs dlt: ``pip install 'projectcor[dlt]'``. ``import projectcor`` alone does not import it.

    import dlt
    from projectcor.dlt import cor

    @dlt.resource(name="deals", primary_key="deal", write_disposition="append")
    def deals():
        yield {"deal": "SF-OPP-12345", "end": "2025-04-30", "estimated": 18000}

    pipeline = dlt.pipeline("deals", destination=cor(cor_source="SALESFORCE", rejects="rejects.jsonl"))
    pipeline.run(deals())

``docs/guides/dlt.md`` says which rows are sent again after a failure, and what the destination refuses.
"""

from projectcor.dlt._destination import cor

__all__ = ["cor"]
