"""Every route of the schema with made-up input: no server error, and answers that keep to the schema."""

from __future__ import annotations

import os

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from support.browser import ServerThread
from support.web_records import NOW, fill
from tallrun.web.desk import Desk
from tallrun.web.site import create_site

EXAMPLES = int(os.environ.get("TALLRUN_FUZZ_EXAMPLES", "6"))
#: Erasing would end the test; downloads write whole archives for each example.
LEFT_OUT = {"/api/erase", "/api/backup", "/api/export"}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz") / "records"
    fill(folder)
    desk = Desk(folder, clock=lambda: NOW)
    with ServerThread(lambda: create_site(desk)) as server:
        server.schema = schemathesis.openapi.from_url(f"{server.url}/openapi.json", cookies=server.cookies)
        yield server
    desk.close()


def test_no_input_breaks_the_server(served):
    tried = 0
    for found in served.schema.get_all_operations():
        operation = found.ok()
        if operation.path in LEFT_OUT:
            continue
        tried += 1

        @settings(
            max_examples=EXAMPLES, deadline=None, database=None, derandomize=True,
            phases=(Phase.explicit, Phase.generate),
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @_given(operation.as_strategy())
        def once(case):
            answer = case.call(cookies=served.cookies)
            case.validate_response(
                answer, checks=(not_a_server_error, response_schema_conformance, status_code_conformance)
            )

        once()
    assert tried >= 30


def _given(strategy):
    from hypothesis import given

    return given(strategy)
