"""pycurl with msgspec: libcurl's multi interface with a handle for each row in flight, typed bodies and responses.

`--h2` allows HTTP/2, all rows over one connection.
"""

# Its libraries are installed by `make bench` alone, so their types are unknown here.
# pyright: reportAttributeAccessIssue=false, reportCallIssue=false, reportGeneralTypeIssues=false

from __future__ import annotations

import datetime
from collections.abc import Iterator
from io import BytesIO
from typing import Any, Literal, Optional

import job
import msgspec
import pycurl

Status = Literal["estimated", "in_progress", "suspended", "finished"]
IncomeType = Literal["fee", "one_time", "contract", "hourly_rate"]


class Metadata(msgspec.Struct):
    source: str


class Update(msgspec.Struct, omit_defaults=True):
    metadata: Metadata
    name: str
    end: datetime.date
    estimated_time: float
    status: Status
    estimated: float
    start: Optional[datetime.date] = None
    income_type: Optional[IncomeType] = None


class Project(msgspec.Struct):
    id: int
    name: str
    start: str
    end: str
    estimated_time: float
    status: Status
    estimated: float
    created_at: datetime.datetime
    updated_at: datetime.datetime
    client_id: Optional[int] = None


SOURCE = Metadata("SALESFORCE")
encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Project).decode


def body(r: dict[str, Any]) -> bytes:
    fields = {name: value for name, value in r.items() if name != "id"}
    update: Update = msgspec.convert({"metadata": SOURCE, **fields}, Update)
    assert update.start is None or update.start <= update.end
    return encode(update)


def is_right(text: bytes, name: str) -> bool:
    project = decode(text)
    datetime.datetime.strptime(project.start, "%Y-%m-%d %H:%M:%S")
    datetime.datetime.strptime(project.end, "%Y-%m-%d %H:%M:%S")
    return project.id > 0 and project.name == name


class Handle:
    def __init__(self, url: str, ca: str | None, h2: bool) -> None:
        self.url = url + job.PATH
        self.name = ""
        self.response = BytesIO()
        self.curl = pycurl.Curl()
        self.curl.handle = self
        self.curl.setopt(pycurl.CUSTOMREQUEST, "PUT")
        self.curl.setopt(pycurl.HTTPHEADER, [f"authorization: Bearer {job.TOKEN}", "content-type: application/json"])
        self.curl.setopt(pycurl.NOSIGNAL, 1)
        version = pycurl.CURL_HTTP_VERSION_2TLS if h2 else pycurl.CURL_HTTP_VERSION_1_1
        self.curl.setopt(pycurl.HTTP_VERSION, version)
        if h2:
            self.curl.setopt(pycurl.PIPEWAIT, 1)
        if ca:
            self.curl.setopt(pycurl.CAINFO, ca)

    def load(self, rows: Iterator[dict[str, Any]]) -> bool:
        """Takes the next row; `False` if there is none."""
        r = next(rows, None)
        if r is None:
            return False
        self.name = r["name"]
        self.response = BytesIO()
        self.curl.setopt(pycurl.URL, self.url + r["id"])
        self.curl.setopt(pycurl.POSTFIELDS, body(r))
        self.curl.setopt(pycurl.WRITEDATA, self.response)
        return True

    def is_right(self) -> bool:
        return self.curl.getinfo(pycurl.RESPONSE_CODE) == 200 and is_right(self.response.getvalue(), self.name)


def main() -> None:
    options = job.parser()
    options.add_argument("--h2", action="store_true")
    a = options.parse_args()
    multi = pycurl.CurlMulti()
    multi.setopt(pycurl.M_MAXCONNECTS, a.c)
    rows = (job.row(i) for i in range(a.n))
    errors = live = 0
    clock = job.Clock()
    # libcurl holds no reference to the handles.
    handles = [Handle(a.url, a.ca, a.h2) for _ in range(a.c)]
    for handle in handles:
        if handle.load(rows):
            multi.add_handle(handle.curl)
            live += 1
    while live:
        multi.perform()
        added = False
        while True:
            left, ended, failed = multi.info_read()
            for curl in ended:
                multi.remove_handle(curl)
                errors += not curl.handle.is_right()
                if curl.handle.load(rows):
                    multi.add_handle(curl)
                    added = True
                else:
                    live -= 1
            for curl, _, _ in failed:
                multi.remove_handle(curl)
                errors += 1
                live -= 1
            if not left:
                break
        # A handle that was just added starts at the next `perform`, and `select` would not wake up for it.
        if live and not added:
            multi.select(1.0)
    clock.report(a.n, errors, [])


if __name__ == "__main__":
    main()
