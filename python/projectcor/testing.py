"""A local server with COR's API, for tests of code that updates COR: no account and no network.

    >>> from projectcor.testing import Answer, Sandbox
    >>> with Sandbox(seed=[{"id": "P-1", "source": "SAP", "name": "Before"}]) as cor, cor.client() as client:
    ...     cor.queue(Answer(503))
    ...     print(client.projects.update("P-1", source="SAP", name="After").name)
    ...     print([request.status for request in cor.requests], cor.project("SAP", "P-1").fields["name"])
    After
    [503, 200] After

Clients of a sandbox keep the state of ``sync`` in a temporary folder of the sandbox's own (``Sandbox.state``), and
touch no file of the user's. With pytest there is a fixture, ``cor_sandbox``: a fresh sandbox for a test, which clients
without arguments reach.
"""

from projectcor._native import Answer, Hold, Request, Sandbox, StoredProject

__all__ = ["Answer", "Hold", "Request", "Sandbox", "StoredProject"]
